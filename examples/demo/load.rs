//! A mixed load of reads and writes, and what those who make it get to see.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::{Client, Error, ManagedConnection};

use crate::profiles::{self, Profiles};

pub(crate) const TASKS: usize = 64;

/// The number that task `task` increments.
pub(crate) fn counter(prefix: &str, task: usize) -> String {
    format!("{prefix}visits:{task}")
}

/// What task `task` writes over and over.
pub(crate) fn note(prefix: &str, task: usize) -> String {
    format!("{prefix}note:{task}")
}

/// What all tasks together have seen so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) reads: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) read_errors: AtomicU64,
    pub(crate) wrong_values: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) not_executed: AtomicU64,
    pub(crate) write_errors: AtomicU64,
    longest_micros: AtomicU64,
    /// The first error that should not have been.
    first: Mutex<Option<String>>,
}

/// What one task knows of the number that it increments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Increments {
    pub(crate) confirmed: u64,
    pub(crate) unknown: u64,
}

impl Tally {
    pub(crate) fn commands(&self) -> u64 {
        self.reads.load(Ordering::Relaxed) + self.writes.load(Ordering::Relaxed)
    }

    pub(crate) fn longest(&self) -> Duration {
        Duration::from_micros(self.longest_micros.load(Ordering::Relaxed))
    }

    pub(crate) fn first_error(&self) -> Option<String> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn took(&self, since: Instant) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.longest_micros.fetch_max(micros, Ordering::Relaxed);
    }

    fn remember(&self, text: impl FnOnce() -> String) {
        self.first
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_or_insert_with(text);
    }

    fn read(&self, key: &str, outcome: Result<bool, Error>) {
        count(&self.reads);
        match outcome {
            Ok(true) => {}
            Ok(false) => {
                count(&self.wrong_values);
                self.remember(|| format!("a wrong value for {key}"));
            }
            Err(error) => {
                count(&self.read_errors);
                self.remember(|| format!("reading {key}: {error}"));
            }
        }
    }

    fn written<T>(&self, outcome: &Result<T, Error>) {
        count(&self.writes);
        match outcome {
            Ok(_) => {}
            Err(Error::OutcomeUnknown { .. }) => count(&self.unknown),
            Err(error) if error.is_not_executed() => count(&self.not_executed),
            Err(error) => {
                count(&self.write_errors);
                self.remember(|| format!("writing: {error}"));
            }
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// One task of the load: half of it batched reads, the rest commands through redis-rs's traits and batched writes.
pub(crate) struct Worker {
    pub(crate) client: Client,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) counter: String,
    pub(crate) note: String,
}

impl Worker {
    pub(crate) async fn work(self, is_over: Arc<AtomicBool>) -> Increments {
        let mut connection = self.client.connection();
        let mut increments = Increments::default();
        while !is_over.load(Ordering::Relaxed) {
            let began = Instant::now();
            match fastrand::u8(..100) {
                0..50 => self.get().await,
                50..60 => self.get_by_command(&mut connection).await,
                60..80 => self.increment(&mut connection, &mut increments).await,
                _ => self.set().await,
            }
            self.tally.took(began);
        }
        increments
    }

    async fn get(&self) {
        let n = fastrand::usize(..profiles::COUNT);
        let key = self.profiles.key(n);
        let outcome = self.client.get(key).await;
        let outcome = outcome.map(|value| self.profiles.is(n, value.as_deref()));
        self.tally.read(key, outcome);
    }

    async fn get_by_command(&self, connection: &mut ManagedConnection<Client>) {
        let n = fastrand::usize(..profiles::COUNT);
        let key = self.profiles.key(n);
        let outcome = connection.get::<_, Option<Vec<u8>>>(key).await;
        let outcome = outcome.map(|value| self.profiles.is(n, value.as_deref()));
        self.tally.read(key, outcome.map_err(Error::from));
    }

    async fn increment(&self, connection: &mut ManagedConnection<Client>, increments: &mut Increments) {
        let outcome = connection.incr::<_, _, u64>(&self.counter, 1).await;
        let outcome = outcome.map_err(Error::from);
        match &outcome {
            Ok(_) => increments.confirmed += 1,
            Err(Error::OutcomeUnknown { .. }) => increments.unknown += 1,
            Err(_) => {}
        }
        self.tally.written(&outcome);
    }

    async fn set(&self) {
        let outcome = self.client.set(self.note.as_str(), fastrand::u64(..)).await;
        self.tally.written(&outcome);
    }
}
