//! The examples as programs.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

/// The example of that name, without arguments, and with no variable that would configure it.
///
/// # Panics
///
/// If it was not built, or from other sources: cargo builds the examples of a package with its tests, but not with those
/// that a name chooses.
pub(crate) fn example(name: &str) -> Command {
    let this = env::current_exe().expect("this program has a path");
    let program: PathBuf = this
        .ancestors()
        .nth(2)
        .expect("tests are built into `deps`, beside `examples`")
        .join("examples")
        .join(name);
    assert!(
        is_up_to_date(&program),
        "{} was not built, or has changed since: `cargo build -p swapplex-examples --examples`",
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
