//! The examples as programs.

#![allow(dead_code, reason = "each test takes what it needs")]

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The example of that name, without arguments, and with no variable that would configure it.
///
/// # Panics
///
/// If it was not built: cargo builds the examples of a package with its tests, unless it is told to build less.
pub(crate) fn example(name: &str) -> Command {
    let this = env::current_exe().expect("this program has a path");
    let program: PathBuf = this
        .ancestors()
        .nth(2)
        .expect("tests are built into `deps`, beside `examples`")
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{} was not built: `cargo test -p swapplex-examples` without `--test` does, or `--examples`",
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
