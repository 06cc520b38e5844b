//! The examples as programs.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// The example of that name, without arguments, and with no variable that would configure it.
///
/// Cargo has built it with the tests of its package, but not with those that a name or `--test` chooses: then it is built
/// here.
///
/// # Panics
///
/// If that fails.
pub(crate) fn example(name: &str) -> Command {
    static BUILDING: Mutex<()> = Mutex::new(());
    let this = env::current_exe().expect("this program has a path");
    let profile = this
        .ancestors()
        .nth(2)
        .expect("tests are built into `deps`, beside `examples`");
    let program = profile.join("examples").join(name);
    let one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    if !is_up_to_date(&program) {
        build(profile);
    }
    drop(one_at_a_time);
    assert!(
        is_up_to_date(&program),
        "{} is not what was built: `cargo test -p swapplex-examples` builds it",
        program.display()
    );
    let mut command = Command::new(program);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["REDIS_", "SESSIONS_", "CACHE_", "STORE_", "COUNTS_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds all examples into the directory of a profile.
fn build(profile: &Path) {
    let target = profile.parent().expect("profiles are in the target directory");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["build", "--quiet", "--locked", "--examples", "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.status().expect("cargo, which has built this test");
    assert!(status.success(), "the examples do not build: {status}");
}

/// Whether a program is there, and none of what cargo made it from is newer.
fn is_up_to_date(program: &Path) -> bool {
    let (Some(built), Ok(list)) = (modified(program), fs::read_to_string(program.with_extension("d"))) else {
        return false;
    };
    // As for `make`: the program, a colon, and its sources.
    let (_, sources) = list.split_once(": ").unwrap_or_default();
    sources
        .replace("\\ ", "\0")
        .split_whitespace()
        .all(|source| modified(Path::new(&source.replace('\0', " "))).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// What it printed, and what it complained of.
pub(crate) fn run(mut command: Command) -> (Output, String, String) {
    let output = command.output().expect("the example starts");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("the examples print text");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// Runs it to its end, which must be a good one, and gives what it printed.
pub(crate) fn printed(command: Command) -> String {
    let (output, out, err) = run(command);
    assert!(output.status.success(), "{}\n{out}{err}", output.status);
    out
}
