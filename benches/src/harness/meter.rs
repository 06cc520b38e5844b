//! What a contestant's turn takes: time, CPU of both sides, allocations.

use std::error::Error;
use std::time::{Duration, Instant};

use redis::{Connection, InfoDict};
use rustix::time::{ClockId, clock_gettime};

use super::allocations;
use super::contestant::Work;
use super::statistics::Sample;

/// Meters turns; the server it asks is the private one, so all of its CPU time belongs to the workload.
pub(super) struct Meter {
    server: Connection,
}

impl Meter {
    pub(super) fn new(server: Connection) -> Self {
        Self { server }
    }

    /// Runs `turn`, which gives what it has done.
    pub(super) fn meter(&mut self, turn: impl FnOnce() -> Work) -> Result<Sample, Box<dyn Error>> {
        let server = self.server_cpu()?;
        let allocated = allocations::count();
        let client = client_cpu()?;
        let started = Instant::now();
        let Work { operations, elapsed } = turn();
        let elapsed = elapsed.unwrap_or_else(|| started.elapsed());
        let client_cpu = client_cpu()?.saturating_sub(client);
        let allocations = real(allocations::count() - allocated);
        let server_cpu = self.server_cpu()?.saturating_sub(server);
        if operations == 0 {
            return Err("not one operation was done in its time".into());
        }
        Ok(Sample {
            operations: real(operations),
            elapsed,
            client_cpu,
            server_cpu,
            allocations,
        })
    }

    /// The connection that the meter reads the server's CPU time on.
    pub(super) fn server_connection(&mut self) -> &mut Connection {
        &mut self.server
    }

    /// The server's kind and version.
    pub(super) fn server(&mut self) -> Result<String, Box<dyn Error>> {
        let info: InfoDict = redis::cmd("INFO").arg("server").query(&mut self.server)?;
        let version = |kind: &str| info.get::<String>(&format!("{kind}_version"));
        // Valkey calls itself Redis as well, in a version that it is compatible with.
        let named = ["valkey", "redis"]
            .into_iter()
            .find_map(|kind| Some(format!("{kind} {}", version(kind)?)));
        Ok(named.ok_or("the server does not tell its version")?)
    }

    fn server_cpu(&mut self) -> Result<Duration, Box<dyn Error>> {
        let info: InfoDict = redis::cmd("INFO").arg("cpu").query(&mut self.server)?;
        let field = |name| {
            info.get::<f64>(name)
                .ok_or("the server does not tell its CPU time")
        };
        Ok(Duration::try_from_secs_f64(
            field("used_cpu_user")? + field("used_cpu_sys")?,
        )?)
    }
}

/// User and system time of this process.
fn client_cpu() -> Result<Duration, Box<dyn Error>> {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Ok(Duration::try_from(time)?)
}

#[expect(clippy::cast_precision_loss, reason = "nothing here counts to 2^53")]
fn real(count: u64) -> f64 {
    count as f64
}
