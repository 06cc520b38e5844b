//! The runtime's tests under AddressSanitizer and, where it comes with that (Linux), LeakSanitizer.

use std::process::Command;

use crate::cargo;
use crate::failure::Failure;
use crate::lookup;
use crate::server;

const CHANNEL: &str = "nightly";

/// Tests that hand out references; the last one needs a server.
const TESTS: [&str; 5] = [
    "runtime_holds",
    "runtime_elsewhere",
    "runtime_rounds",
    "runtime_end",
    "runtime_settle",
];

/// Those that tell apart how a datum is kept, and so run once more without `leaky-context`.
const COUNTED: [&str; 2] = ["runtime_holds", "runtime_elsewhere"];

/// Runs them; a report of a sanitizer fails the test in whose process it comes up.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some(toolchain) = lookup::toolchain(|channel| channel == CHANNEL) else {
        return Err(Failure::Message(format!(
            "nothing was checked: sanitizers need a {CHANNEL} toolchain, and there is none here; install it by \
             `rustup toolchain install {CHANNEL} --profile minimal`"
        )));
    };
    tests(&toolchain, &TESTS, &[], arguments)?;
    tests(&toolchain, &COUNTED, &["--no-default-features"], arguments)
}

fn tests(toolchain: &str, tests: &[&str], options: &[&str], arguments: &[String]) -> Result<(), Failure> {
    let host = host(toolchain)?;
    let mut command = program(toolchain, "cargo");
    // With a target, build scripts and macros, which run inside the compiler, go without the sanitizer.
    command
        .args(["test", "--locked", "--package", "swapplex-tests"])
        .args(["--target", &host])
        .args(options);
    for test in tests {
        command.args(["--test", test]);
    }
    command.args(arguments);
    cargo::with_flags(&mut command, "-Zsanitizer=address", "sanitize")?;
    let (name, value) = server::for_child()?;
    command.env(name, value);
    cargo::without_redis(&mut command);
    cargo::run(command)
}

/// A program of that toolchain, whichever runs us.
fn program(toolchain: &str, name: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, name]);
    cargo::without_toolchain(&mut command);
    command
}

/// The triple of the machine that this runs on.
fn host(toolchain: &str) -> Result<String, Failure> {
    let output = program(toolchain, "rustc").arg("-vV").output();
    output
        .ok()
        .and_then(|output| host_in(&String::from_utf8_lossy(&output.stdout)).map(str::to_owned))
        .ok_or_else(|| Failure::Message(format!("the rustc of {toolchain} does not tell its host")))
}

fn host_in(version: &str) -> Option<&str> {
    version.lines().find_map(|line| line.strip_prefix("host: "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_in_what_rustc_says() {
        let version = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\n";
        assert_eq!(host_in(version), Some("x86_64-unknown-linux-gnu"));
        assert_eq!(host_in("rustc 1.95.0"), None);
    }
}
