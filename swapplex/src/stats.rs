//! Counters of one database, cheap to keep and to read.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::multiplex::Tally;

/// What a database has done so far; see [`Client::stats`](crate::Client::stats).
///
/// Each figure counts since the client was made, over all its connections. They are read one after the other, so
/// two of them may differ by what happened in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Attempts to connect.
    pub dials: u64,
    /// Attempts that led to a live connection.
    pub connects: u64,
    /// Live connections lost.
    pub losses: u64,
    /// Connections made apart from the shared one: for blocking commands, for [`dedicated`](crate::Client::dedicated),
    /// for [`pubsub`](crate::Client::pubsub), and for
    /// [requests that break connections](crate::docs::delivery#requests-that-break-connections). The figures above don't
    /// count them.
    pub dedicated: u64,
    /// Requests answered.
    pub requests: u64,
    /// Writes to the socket that carried them.
    pub outboxes: u64,
    /// `MGET`s and `MSET`s made of several callers' keys.
    pub batches: u64,
    /// Keys in them.
    pub batched_keys: u64,
    /// Requests sent again because their connection was lost.
    pub replays: u64,
    /// Requests that ended as [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown).
    pub unknown_outcomes: u64,
}

/// The counters behind [`Stats`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) dials: Counter,
    pub(crate) connects: Counter,
    pub(crate) losses: Counter,
    pub(crate) dedicated: Counter,
    requests: Counter,
    outboxes: Counter,
    batches: Counter,
    batched_keys: Counter,
    pub(crate) replays: Counter,
    pub(crate) unknown_outcomes: Counter,
}

/// A figure that only grows. It orders nothing, so `Relaxed` does.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// An outbox got all its replies. Counted here, once per outbox, so that no request pays for it.
    pub(crate) fn settled(&self, tally: &Tally) {
        self.outboxes.add(1);
        self.requests.add(tally.requests);
        if tally.batches > 0 {
            self.batches.add(tally.batches);
            self.batched_keys.add(tally.batched_keys);
        }
    }

    pub(crate) fn read(&self) -> Stats {
        Stats {
            dials: self.dials.get(),
            connects: self.connects.get(),
            losses: self.losses.get(),
            dedicated: self.dedicated.get(),
            requests: self.requests.get(),
            outboxes: self.outboxes.get(),
            batches: self.batches.get(),
            batched_keys: self.batched_keys.get(),
            replays: self.replays.get(),
            unknown_outcomes: self.unknown_outcomes.get(),
        }
    }
}
