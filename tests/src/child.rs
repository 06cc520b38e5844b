//! A test in a process of its own, for what belongs to the whole process: environment variables, statics, exit.

use std::any;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::names;

const MARKER: &str = "SWAPPLEX_TEST_CHILD";

/// Runs `body` in a new process, as the test that calls this, and fails if it fails. What it prints, this prints.
///
/// `prepare` runs before that in this process: it sets variables on the command and may return what has to live as long
/// as the child, such as a server. The child starts without any variable that begins with `REDIS_`.
///
/// Call it once per test, first thing, from the test function itself: the child runs the same test again up to here.
///
/// ```no_run
/// # use swapplex_tests::{child, RedisServer};
/// #[test]
/// fn the_url_comes_from_the_environment() {
///     let prepare = |command: &mut std::process::Command| {
///         let server = RedisServer::start();
///         command.env("REDIS_URL", server.url());
///         server
///     };
///     child::run(prepare, || {
///         // sees REDIS_URL
///     });
/// }
/// ```
///
/// # Panics
///
/// If the child fails, or did not run `body`.
#[track_caller]
pub fn run<G, B: FnOnce()>(prepare: impl FnOnce(&mut Command) -> G, body: B) {
    if let Some(text) = output(prepare, body) {
        print!("{text}");
    }
}

/// The same, and gives all that the child wrote; `None` in the child.
///
/// # Panics
///
/// If the child fails, or did not run `body`.
#[track_caller]
pub fn output<G, B: FnOnce()>(prepare: impl FnOnce(&mut Command) -> G, body: B) -> Option<String> {
    if let Some(marker) = env::var_os(MARKER) {
        fs::write(&marker, b"ran").expect("the parent's marker can be written");
        body();
        return None;
    }

    let name = test_name::<B>();
    let marker = Marker::new();
    let mut command = Command::new(env::current_exe().expect("this program has a path"));
    command
        .args(["--exact", name, "--nocapture", "--include-ignored"])
        .env(MARKER, &marker.0);
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REDIS_")) {
        command.env_remove(name);
    }
    let guard = prepare(&mut command);
    let output = command.output().expect("this program can be started again");
    drop(guard);

    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success(),
        "{name}, in a process of its own: {}\n{text}",
        output.status
    );
    assert!(
        marker.0.exists(),
        "there is no test `{name}`: call `child::run` from the test function itself\n{text}"
    );
    Some(text)
}

/// The path of the test that a closure of type `B` is written in: `module::test`.
fn test_name<B>() -> &'static str {
    let full = any::type_name::<B>();
    let path = full.split_once("::{{closure}}").map_or(full, |(path, _)| path);
    path.split_once("::").map_or(path, |(_crate, path)| path)
}

/// A file that the child makes when it reaches the body.
struct Marker(PathBuf);

impl Marker {
    fn new() -> Self {
        Self(env::temp_dir().join(format!("swapplex-child-{:x}", names::random())))
    }
}

impl Drop for Marker {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: &'static str, value: &'static str) -> impl FnOnce(&mut Command) {
        move |command| {
            command.env(name, value);
        }
    }

    #[test]
    fn the_body_sees_the_variables() {
        run(with("REDIS_URL", "redis://somewhere"), || {
            assert_eq!(env::var("REDIS_URL").unwrap(), "redis://somewhere");
        });
    }

    #[test]
    #[should_panic(expected = "in a process of its own")]
    fn a_failing_body_fails_the_test() {
        // The child's own panic passes this `should_panic` only with the parent's words.
        run(with("X", "y"), || panic!("on purpose"));
    }
}
