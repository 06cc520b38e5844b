//! Side-by-side benchmarks: swapplex and its peers, on the same workloads, in the same run.
//!
//! ```text
//! cargo xtask bench                                       everything
//! cargo xtask bench -- get.spawned --quick                what has this in its name, fewer and shorter rounds
//! cargo xtask bench -- --json out.json                    the same figures for programs
//! cargo run --profile bench -p swapplex-benches --features allocations -- get.spawned
//!                                                         counts allocations instead of taking times
//! ```
//!
//! One file per claim: [`get_spawned`], [`get_fanout`] and so on, in the order of [`CLAIMS`]. What they compare is in
//! [`peers`], each peer with the settings that its own documentation recommends for speed; how they are run, metered
//! and reported is in [`harness`].

mod acquire;
mod command;
mod get_fanout;
mod get_limit;
mod get_sequential;
mod get_spawned;
mod harness;
mod key_build;
mod peers;
mod runtime;
mod set_spawned;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use crate::harness::{Arguments, Bench, launch};

/// What each claim's file runs, in the order in which it is run.
///
/// To come, each in a file of its own: `cache.*`, `latency.N`.
const CLAIMS: [fn(&mut Bench); 9] = [
    get_spawned::run,
    get_fanout::run,
    get_sequential::run,
    get_limit::run,
    command::run,
    set_spawned::run,
    acquire::run,
    key_build::run,
    runtime::run,
];

const HELP: &str = "\
Side-by-side benchmarks of swapplex and its peers, on a private redis-server in a session of its own.

Usage: cargo xtask bench [-- FILTER...] [--json FILE] [--quick]

  FILTER       Only workloads with this in their name, such as get.spawned or .4096
  --json FILE  Writes the figures to FILE, too
  --quick      Fewer and shorter rounds: a look, not a measurement

Every figure is the median of its rounds, and every ratio the median of the rounds' ratios. CPU and allocations are
those of one operation, such as one get. `swapplex` leads each table; the ratios next to a peer are swapplex's
throughput in the peer's (more is better for swapplex) and its CPU time in the peer's (less is better). `best peer` is
the fastest one and, in the other column, the one that takes the least CPU. A row in brackets is no peer, but something
to compare with.";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    if arguments.help {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    let Some(url) = launch::server() else {
        return launch::with_server();
    };
    let mut bench = Bench::new(arguments, &url)?;
    for claim in CLAIMS {
        claim(&mut bench);
    }
    bench.finish()?;
    Ok(ExitCode::SUCCESS)
}
