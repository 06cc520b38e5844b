//! The long run of the delivery tests, and the rows of their matrix as often as is wanted.

use crate::cargo::{self, cargo};
use crate::failure::Failure;
use crate::server;

/// The long run, and the outage whose dials and memory belong into its report.
const LONG: [&str; 2] = [
    "long::the_long_run",
    "absence::row_05_an_outage_of_30_s_costs_few_dials_and_little_memory",
];

/// Read by the long run.
const QUICK: &str = "SWAPPLEX_ORACLE_QUICK";

/// Runs the oracle's load for a million writes and 5,000 lost connections; a tenth of that with `--quick`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command
        .args(["test", "--locked", "--release", "--package", "swapplex-tests"])
        .args(["--test", "delivery", "--", "--include-ignored", "--nocapture"])
        // One after the other: each has figures of its own.
        .args(["--test-threads", "1", "--exact"])
        .args(LONG);
    match arguments {
        [] => command.env_remove(QUICK),
        [quick] if quick == "--quick" => command.env(QUICK, "1"),
        _ => {
            return Err(Failure::Usage(
                "cargo xtask oracle [--quick]: nothing else is understood".into(),
            ));
        }
    };
    let (name, value) = server::for_child()?;
    command.env(name, value);
    cargo::without_redis(&mut command);
    cargo::run(command)
}

/// Runs every test that is a row of the fault matrix, so often in a row; the first failure ends it.
pub(crate) fn rows(arguments: &[String]) -> Result<(), Failure> {
    let times = times(arguments)?;
    for time in 1..=times {
        eprintln!("==> {time} of {times}");
        let packages = ["-p", "swapplex", "-p", "swapplex-tests"];
        let rows = ["--lib", "--tests", "--quiet", "row_"];
        cargo::test(
            &packages
                .iter()
                .chain(&rows)
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>(),
        )?;
    }
    Ok(())
}

fn times(arguments: &[String]) -> Result<u32, Failure> {
    let times = match arguments {
        [] => Some(1),
        [option, times] if option == "--times" => times.parse().ok(),
        _ => None,
    };
    times
        .filter(|times| *times > 0)
        .ok_or_else(|| Failure::Usage("cargo xtask rows [--times N]: N is how often, 1 or more".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_run_once_or_so_often() {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(times(&words("")).ok(), Some(1));
        assert_eq!(times(&words("--times 10")).ok(), Some(10));
        for wrong in ["--times", "--times 0", "--times x", "10"] {
            assert!(times(&words(wrong)).is_err(), "{wrong}");
        }
    }
}
