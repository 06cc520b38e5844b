//! The project's own commands: `cargo xtask demo | test | bench | ci | rows | oracle | loom | sanitize`.

mod cargo;
mod ci;
mod failure;
mod install;
mod lookup;
mod loom;
mod msrv;
mod oracle;
mod sanitize;
mod server;

use std::env;
use std::process::ExitCode;

use crate::failure::Failure;

const HELP: &str = "\
The project's own commands.

Usage: cargo xtask <COMMAND>

Commands:
  demo                       What swapplex does, live: speed first, then faults. Uses the server at
                             REDIS_URL if that is set, else starts a private one
  test [ARGS]                Runs every test, or what ARGS choose; ARGS are those of `cargo test`:
                             cargo xtask test -p swapplex-tests some_name -- --nocapture
  bench [-- FILTER] [--json FILE] [--quick]
                             Runs the benchmarks whose name contains FILTER
  ci [STEP...]               Runs the checks of a merge, or only the steps named:
                             fmt, clippy, msrv, test, docs
  rows [--times N]           Runs the rows of the fault matrix, which are among the tests, N times in a row
  oracle [--quick]           A million writes while 5,000 connections are lost, and an outage of 30 s: every
                             account has to balance. Takes minutes; a tenth of it with --quick
  loom [ARGS]                Explores every interleaving of the runtime's counting, and that mistakes in it
                             are caught
  sanitize [ARGS]            Runs the runtime's tests under AddressSanitizer and LeakSanitizer; needs the
                             nightly toolchain
  server                     Prints the path of the redis-server that the others use
  help                       Prints this

demo, test, bench, rows, oracle, sanitize and server need redis-server or valkey-server. They take the one that
SWAPPLEX_REDIS_SERVER names, else the one on PATH, else install one through the system's package
manager, saying so first.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((command, rest)) = arguments.split_first() else {
        println!("{HELP}");
        return Ok(());
    };
    if rest
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--help")
    {
        println!("{HELP}");
        return Ok(());
    }
    match command.as_str() {
        "demo" => cargo::demo(rest),
        "test" => cargo::test(rest),
        "bench" => cargo::bench(rest),
        "ci" => ci::run(rest),
        "rows" => oracle::rows(rest),
        "oracle" => oracle::run(rest),
        "loom" => loom::run(rest),
        "sanitize" => sanitize::run(rest),
        "server" if rest.is_empty() => {
            println!("{}", server::find_or_install()?.display());
            Ok(())
        }
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        _ => Err(Failure::Usage(format!(
            "unknown: cargo xtask {}\n\n{HELP}",
            arguments.join(" ")
        ))),
    }
}
