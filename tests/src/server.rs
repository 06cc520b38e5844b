//! A real server of the test's own.

mod admin;
mod binary;
mod builder;
mod process;
mod watchdog;

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

pub use self::admin::Reply;
pub use self::builder::Builder;

use self::admin::Admin;
use self::binary::Binary;
use self::process::{Access, Child, Refusal, Until};
use self::watchdog::Watchdog;
use crate::names;
use crate::ports::ReservedPort;

const ADMIN: &str = "swapplex-admin";

/// A `redis-server` or `valkey-server` on a port of 127.0.0.1 that is its own, in a directory of its own, which
/// keeps nothing on disk.
///
/// It is killed when this is dropped, and also when this process ends in any other way.
///
/// Everything here blocks, most of it for a millisecond or less, starting for some tens of them. Commands of the test
/// itself run as a user of their own with all rights, on a connection that is made again when it was lost.
#[derive(Debug)]
pub struct RedisServer {
    binary: Binary,
    port: ReservedPort,
    /// Random, so that only our own server knows it.
    password: String,
    directory: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    builder: Builder,
    child: Option<Child>,
    admin: Option<Admin>,
    watchdog: Watchdog,
}

impl RedisServer {
    /// Starts a server without any particular setting and waits until it answers.
    ///
    /// # Panics
    ///
    /// If there is no server to start, or it does not start; with its log.
    #[track_caller]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The settings of a server to start.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn open(builder: &Builder) -> io::Result<Self> {
        let binary = Binary::find().map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?;
        for _ in 0..20 {
            let directory = env::temp_dir().join(format!("swapplex-{:x}", names::random()));
            fs::DirBuilder::new().mode(0o700).create(&directory)?;
            let watchdog = Watchdog::new(&directory)?;
            let server = Self {
                binary: binary.clone(),
                port: ReservedPort::new()?,
                password: format!("{:x}", names::random()),
                state: Mutex::new(State {
                    builder: builder.clone(),
                    child: None,
                    admin: None,
                    watchdog,
                }),
                directory,
            };
            let users = builder.users(&format!("{ADMIN} on >{} ~* &* +@all", server.password));
            fs::write(server.directory.join("users.acl"), users)?;
            let launched = server.launch(&mut server.state(), Until::Answering);
            match launched {
                Ok(()) => return Ok(server),
                Err(Refusal::PortTaken) => {}
                Err(Refusal::Other(error)) => return Err(error),
            }
        }
        Err(io::Error::new(
            io::ErrorKind::AddrInUse,
            "20 ports in a row were taken",
        ))
    }

    fn launch(&self, state: &mut State, until: Until) -> Result<(), Refusal> {
        let file = state
            .builder
            .file(self.port(), &self.directory, self.binary.major);
        fs::write(self.directory.join("redis.conf"), file)?;
        let access = Access {
            port: self.port(),
            user: ADMIN,
            password: &self.password,
        };
        let (child, admin) =
            process::start(&self.binary, &self.directory, &mut state.watchdog, &access, until)?;
        state.child = Some(child);
        state.admin = Some(admin);
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held this has said why; the others still want to clean up.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port of 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// The URL, with the password if [`Builder::password`] gave one.
    pub fn url(&self) -> String {
        match &self.state().builder.password {
            Some(password) => self.url_as("", password),
            None => format!("redis://127.0.0.1:{}", self.port()),
        }
    }

    /// The URL with these credentials, which are put in as they are.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        format!("redis://{user}:{password}@127.0.0.1:{}", self.port())
    }

    /// The Unix socket, if [`Builder::unix_socket`] asked for one.
    pub fn unix_path(&self) -> Option<PathBuf> {
        self.state()
            .builder
            .unix_socket
            .then(|| self.directory.join("redis.sock"))
    }

    /// Where the server keeps what it is told to keep (`SAVE`), its configuration and its log.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The number of the server's process.
    ///
    /// # Panics
    ///
    /// If it does not run.
    #[track_caller]
    pub fn pid(&self) -> u32 {
        self.state().child.as_ref().expect("the server runs").id()
    }

    /// Kills the server at once (SIGKILL), paused or not, and waits until its port is closed.
    ///
    /// Without effect on a server that does not run.
    pub fn kill(&self) {
        let state = &mut *self.state();
        state.admin = None;
        if let Some(mut child) = state.child.take() {
            process::stop(&mut child, &mut state.watchdog);
        }
    }

    /// Starts the server again on the same port, killing it first if it runs, and waits until it answers.
    ///
    /// It comes back empty, unless `SAVE` was called before.
    ///
    /// # Panics
    ///
    /// If it does not start; with its log.
    #[track_caller]
    pub fn restart(&self) {
        self.start_again(Until::Answering);
    }

    /// Like [`restart`](Self::restart), but returns when the server accepts connections, if only to say `LOADING`.
    ///
    /// To make it load for long: `SAVE` some keys, then `set_config("key-load-delay", "1000")`, which are microseconds
    /// per key.
    ///
    /// # Panics
    ///
    /// If it does not start; with its log.
    #[track_caller]
    pub fn restart_without_waiting_for_loading(&self) {
        self.start_again(Until::Listening);
    }

    #[track_caller]
    fn start_again(&self, until: Until) {
        self.kill();
        let started = Instant::now();
        loop {
            let launched = self.launch(&mut self.state(), until);
            match launched {
                Ok(()) => return,
                // Who took our port without a reservation may be gone in a moment.
                Err(Refusal::PortTaken) if started.elapsed() < Duration::from_secs(5) => {}
                Err(refusal) => panic!("the server does not start again: {refusal:?}"),
            }
        }
    }

    /// Sets a directive of the configuration file for starts to come, in place of an earlier one of that name.
    ///
    /// For the server as it runs, there is `CONFIG SET`.
    pub fn set_config(&self, name: &str, value: &str) {
        let directives = &mut self.state().builder.directives;
        directives.retain(|(other, _)| other != name);
        directives.push((name.to_owned(), value.to_owned()));
    }

    /// Stops the process in its tracks (SIGSTOP): connections stay open, nothing is answered. Returns once it stands.
    ///
    /// # Panics
    ///
    /// If it does not run.
    #[track_caller]
    pub fn pause(&self) {
        self.signal("STOP");
        let stat = format!("/proc/{}/stat", self.pid());
        // The state follows the name, which is in parentheses. Where there is no such file, the signal has to do.
        while fs::read_to_string(&stat)
            .ok()
            .and_then(|text| {
                text.rsplit_once(')')
                    .map(|(_, rest)| !rest.trim_start().starts_with('T'))
            })
            .unwrap_or(false)
        {
            thread::yield_now();
        }
    }

    /// Lets a paused process go on (SIGCONT).
    ///
    /// # Panics
    ///
    /// If it does not run.
    #[track_caller]
    pub fn resume(&self) {
        self.signal("CONT");
    }

    #[track_caller]
    fn signal(&self, name: &str) {
        let state = &mut *self.state();
        assert!(state.child.is_some(), "the server runs");
        if let Err(error) = state.watchdog.signal(name) {
            panic!("SIG{name}: {error}");
        }
    }

    /// Runs a command and gives the server's answer, be it an error.
    ///
    /// # Panics
    ///
    /// If there is no answer within 10 seconds.
    #[track_caller]
    pub fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> Reply {
        match self.try_command(arguments) {
            Ok(reply) => reply,
            Err(error) => {
                let name = arguments.first().map_or(&b""[..], AsRef::as_ref);
                panic!(
                    "{} to the test's own server: {error}",
                    String::from_utf8_lossy(name)
                )
            }
        }
    }

    /// Runs a command that must not fail.
    ///
    /// # Panics
    ///
    /// If the answer is an error, or there is none.
    #[track_caller]
    pub fn ok<A: AsRef<[u8]>>(&self, arguments: &[A]) -> Reply {
        match self.command(arguments) {
            Reply::Error(error) => panic!("the test's own server: {error}"),
            reply => reply,
        }
    }

    /// Like [`command`](Self::command), for when the server may not be there.
    ///
    /// # Errors
    ///
    /// If there is no answer within 10 seconds.
    pub fn try_command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> io::Result<Reply> {
        let state = &mut *self.state();
        // Never sent twice: a connection that was lost before is noticed here, one that is lost now is an error.
        let mut admin = match state.admin.take().filter(|admin| !admin.is_closed()) {
            Some(admin) => admin,
            None => Admin::connect(self.port(), ADMIN, &self.password)?,
        };
        let reply = admin.command(arguments)?;
        state.admin = Some(admin);
        Ok(reply)
    }

    /// A section of `INFO` as its fields.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn info(&self, section: &str) -> HashMap<String, String> {
        let text = self.ok(&["INFO", section]).text();
        text.lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// How often a command, in lower case (`config|get` with its subcommand), ran since the start or
    /// [`reset_calls`](Self::reset_calls).
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn calls(&self, command: &str) -> u64 {
        self.info("commandstats")
            .get(&format!("cmdstat_{command}"))
            .and_then(|stats| {
                stats
                    .split(',')
                    .find_map(|field| field.strip_prefix("calls=")?.parse().ok())
            })
            .unwrap_or(0)
    }

    /// Sets what [`calls`](Self::calls) counts back to 0.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn reset_calls(&self) {
        self.ok(&["CONFIG", "RESETSTAT"]);
    }

    /// `CLIENT LIST`, each client as its fields, without the test's own connection.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn clients(&self) -> Vec<HashMap<String, String>> {
        let text = self.ok(&["CLIENT", "LIST"]).text();
        text.lines()
            .map(|line| {
                line.split(' ')
                    .filter_map(|field| field.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect::<HashMap<_, _>>()
            })
            .filter(|client| client.get("user").is_none_or(|user| user != ADMIN))
            .collect()
    }

    /// Kills every connection but the test's own, and gives their number.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn kill_clients(&self) -> u64 {
        let killed = ["normal", "pubsub"].map(|kind| {
            self.ok(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"])
                .integer()
        });
        killed.iter().sum::<i64>().unsigned_abs()
    }

    /// Removes every key of every database.
    ///
    /// # Panics
    ///
    /// If the server does not answer.
    #[track_caller]
    pub fn flush(&self) {
        self.ok(&["FLUSHALL"]);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests;
