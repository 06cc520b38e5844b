//! A request that got no answer, and what is known of it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;

use super::cause::LostCause;

/// Why a request was not answered.
#[derive(Clone, Debug)]
pub(crate) enum Reason {
    /// The connection was lost.
    Lost(Arc<LostCause>),
    /// The answer did not come in time.
    Deadline,
}

/// A request that got no (or not every) answer.
#[derive(Debug)]
pub(crate) struct Undelivered {
    pub(crate) reason: Reason,
    /// How many bytes of the request have reached the socket.
    pub(crate) accepted: usize,
    /// How many bytes the request has.
    pub(crate) length: usize,
    /// The replies that came before, where several were expected.
    pub(crate) answered: Vec<Bytes>,
    /// When the outbox was opened, which is when its first request was made.
    pub(crate) opened: Instant,
    /// The connection that was to carry it.
    pub(crate) epoch: u64,
}

impl Undelivered {
    /// Whether the server may have executed the request: its last byte has reached the socket.
    pub(crate) fn is_sent(&self) -> bool {
        self.accepted >= self.length
    }
}
