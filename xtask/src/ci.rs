//! The checks that a merge has to pass.

use std::time::Instant;

use crate::cargo::{self, cargo};
use crate::failure::Failure;
use crate::msrv;

type Step = (&'static str, fn() -> Result<(), Failure>);

/// What fails soonest comes first.
const STEPS: [Step; 5] = [
    ("fmt", fmt),
    ("clippy", clippy),
    ("msrv", msrv::check),
    ("test", test),
    ("docs", docs),
];

/// Runs the steps that `names` names, or all, and stops at the first that fails.
pub(crate) fn run(names: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|(step, _)| step != name))
    {
        let known: Vec<&str> = STEPS.iter().map(|(step, _)| *step).collect();
        return Err(Failure::Usage(format!(
            "cargo xtask ci: no step `{unknown}`; there are {}",
            known.join(", ")
        )));
    }
    for (name, step) in STEPS {
        if !names.is_empty() && !names.iter().any(|chosen| chosen == name) {
            continue;
        }
        eprintln!("==> {name}");
        let started = Instant::now();
        let outcome = step();
        let verdict = if outcome.is_ok() { "passed" } else { "FAILED" };
        eprintln!(
            "==> {name} {verdict} after {:.1} s",
            started.elapsed().as_secs_f64()
        );
        outcome?;
    }
    Ok(())
}

fn fmt() -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["fmt", "--all", "--check"]);
    cargo::run(command)
}

fn clippy() -> Result<(), Failure> {
    let mut command = cargo();
    command.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]);
    cargo::run(command)
}

fn test() -> Result<(), Failure> {
    cargo::test(&[])
}

fn docs() -> Result<(), Failure> {
    let mut command = cargo();
    command
        .args(["doc", "--workspace", "--no-deps", "--locked"])
        .env("RUSTDOCFLAGS", "-D warnings");
    cargo::run(command)
}
