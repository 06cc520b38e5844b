//! One run of the server binary.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::std::{ChildWrapper, CommandWrap, ProcessSession};

use super::admin::{Admin, Reply};
use super::binary::Binary;
use super::watchdog::Watchdog;

/// The server's process.
pub(super) type Child = Box<dyn ChildWrapper>;

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(2);

/// When a start is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// It answers commands.
    Answering,
    /// It answers something, if only that it is still loading.
    Listening,
}

/// How a start went wrong.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else listens on the port.
    PortTaken,
    Other(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Other(error)
    }
}

/// How the server is reached once it runs.
#[derive(Debug)]
pub(super) struct Access<'a> {
    pub(super) port: u16,
    pub(super) user: &'a str,
    pub(super) password: &'a str,
}

/// Starts `binary` in `directory`, where its `redis.conf` is, and waits.
///
/// In a session of its own, as services are started: so signals to our group do not reach it, and where Linux shares the
/// processors by session (`sched_autogroup_enabled`), it does not compete with each of our threads for its part.
pub(super) fn start(
    binary: &Binary,
    directory: &Path,
    watchdog: &mut Watchdog,
    access: &Access<'_>,
    until: Until,
) -> Result<(Child, Admin), Refusal> {
    let log = directory.join("log");
    let output = File::create(&log)?;
    let errors = output.try_clone()?;
    let mut command = CommandWrap::with_new(&binary.path, |command| {
        command
            .arg("redis.conf")
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
    });
    let mut child = command.wrap(ProcessSession).spawn()?;
    let outcome = watchdog
        .watch(child.id())
        .map_err(Refusal::Other)
        .and_then(|()| wait(&mut child, &log, access, until));
    match outcome {
        Ok(admin) => Ok((child, admin)),
        Err(refusal) => {
            stop(&mut child, watchdog);
            Err(refusal)
        }
    }
}

/// Kills the process, without a chance to say goodbye, and waits until it is gone.
pub(super) fn stop(child: &mut Child, watchdog: &mut Watchdog) {
    // Nobody is killed by a number that may be another process's: it is ours until somebody has waited for it.
    if matches!(child.try_wait(), Ok(None)) {
        let _ = child.start_kill();
    }
    let _ = watchdog.forget();
    let _ = child.wait();
}

fn wait(child: &mut Child, log: &Path, access: &Access<'_>, until: Until) -> Result<Admin, Refusal> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            let text = fs::read_to_string(log).unwrap_or_default();
            if text.contains("Address already in use") {
                return Err(Refusal::PortTaken);
            }
            return Err(Refusal::Other(io::Error::other(format!(
                "the server ended, {status}; its log:\n{text}"
            ))));
        }
        if let Some(admin) = greet(access, until) {
            return Ok(admin);
        }
        if started.elapsed() > PATIENCE {
            let text = fs::read_to_string(log).unwrap_or_default();
            let error = format!(
                "the server does not answer after {} s; its log:\n{text}",
                PATIENCE.as_secs()
            );
            return Err(Refusal::Other(io::Error::new(io::ErrorKind::TimedOut, error)));
        }
        thread::sleep(POLL);
    }
}

/// A connection to the server, if it is ready: a stranger's server on the port does not know our user.
fn greet(access: &Access<'_>, until: Until) -> Option<Admin> {
    let mut admin = Admin::connect(access.port, access.user, access.password).ok()?;
    match admin.command(&["PING"]).ok()? {
        Reply::Error(_) if until == Until::Answering => None,
        _ => Some(admin),
    }
}
