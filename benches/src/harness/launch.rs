//! A private server for the run.
//!
//! swapplex and redis-swapplex find their server by environment variables, which a program may only set for another
//! one: so the program starts the server, and then itself once more. That also keeps the server's keeper out of the
//! process whose CPU time is metered.

use std::env;
use std::error::Error;
use std::process::{Command, ExitCode};

use swapplex_tests::RedisServer;

const MARKER: &str = "SWAPPLEX_BENCHES_SERVER";

/// The private server's URL, in the process that runs the workloads.
pub(crate) fn server() -> Option<String> {
    env::var(MARKER).ok()
}

/// Runs this program again, with a server.
pub(crate) fn with_server() -> Result<ExitCode, Box<dyn Error>> {
    let server = RedisServer::builder().try_start()?;
    let mut command = Command::new(env::current_exe()?);
    command.args(env::args_os().skip(1));
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REDIS_")) {
        command.env_remove(name);
    }
    let status = command
        .env("REDIS_URL", server.url())
        .env(MARKER, server.url())
        .status()?;
    if status.success() {
        return Ok(ExitCode::SUCCESS);
    }
    // By a signal, most likely: it has had no chance to say so itself.
    if status.code().is_none() {
        eprintln!("the benchmarks ended with {status}");
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
