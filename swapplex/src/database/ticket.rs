//! A caller's place in an outbox.

use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::multiplex::{Outbox, Reply, SlotIndex, Undelivered};

/// Waits for one request's answer. Dropping it gives the answer up and disturbs nobody else.
#[derive(Debug)]
pub(super) struct Ticket {
    outbox: Arc<Outbox>,
    slot: SlotIndex,
    is_done: bool,
    keeps_order: bool,
}

impl Ticket {
    pub(super) fn new(outbox: Arc<Outbox>, slot: SlotIndex) -> Self {
        Self {
            outbox,
            slot,
            is_done: false,
            keeps_order: false,
        }
    }

    /// # Panics
    ///
    /// When polled after it was ready.
    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Undelivered>> {
        let result = std::task::ready!(self.outbox.poll(self.slot, cx));
        self.is_done = true;
        Poll::Ready(result)
    }

    /// The request changes something: if it is given up, it must not overtake what is asked for afterwards.
    pub(super) fn keep_order(&mut self) {
        self.keeps_order = true;
    }

    /// The connection that carries the request.
    pub(super) fn epoch(&self) -> u64 {
        self.outbox.epoch()
    }

    /// When the outbox was opened, which is when its first request was made.
    pub(super) fn opened(&self) -> Instant {
        self.outbox.opened()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.is_done {
            // Whoever gave it up may go on on another thread, whose outbox might be sent earlier.
            if self.keeps_order {
                self.outbox.hurry();
            }
            self.outbox.abandon(self.slot);
        }
    }
}
