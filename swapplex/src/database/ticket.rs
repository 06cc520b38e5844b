//! A caller's place in an outbox.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use tokio::time::Instant;

use crate::multiplex::{Outbox, Reply, SlotIndex, Undelivered};

/// In place of the slot, once the answer was taken. No outbox has so many.
const TAKEN: SlotIndex = SlotIndex::MAX;

/// Waits for one request's answer. Dropping it gives the answer up and disturbs nobody else.
// Two words, which go in registers from the thread's outbox into the caller's future.
#[derive(Debug)]
pub(super) struct Ticket {
    outbox: Arc<Outbox>,
    slot: SlotIndex,
}

impl Ticket {
    pub(super) fn new(outbox: Arc<Outbox>, slot: SlotIndex) -> Self {
        Self { outbox, slot }
    }

    /// The answer, if it has come and is a [value](Reply::Bulk).
    ///
    /// # Panics
    ///
    /// When the answer was taken before.
    #[inline]
    pub(super) fn take_value(&mut self) -> Option<Bytes> {
        debug_assert_ne!(self.slot, TAKEN);
        let value = self.outbox.take_value(self.slot)?;
        self.slot = TAKEN;
        Some(value)
    }

    /// # Panics
    ///
    /// When the answer was taken before.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Undelivered>> {
        debug_assert_ne!(self.slot, TAKEN);
        let result = ready!(self.outbox.poll(self.slot, cx));
        self.slot = TAKEN;
        Poll::Ready(result)
    }

    /// Has the request, which changes something and is given up, sent at once if it was not: whoever gives it up may go on
    /// on another thread, whose outbox might be sent earlier.
    pub(super) fn keep_order(&self) {
        if self.slot != TAKEN {
            self.outbox.hurry();
        }
    }

    /// What carries the request.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
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
    #[inline]
    fn drop(&mut self) {
        if self.slot != TAKEN {
            self.outbox.abandon(self.slot);
        }
    }
}

/// A ticket that [keeps order](Ticket::keep_order) where it is given up, if its request changes something.
#[derive(Debug)]
pub(super) struct InOrder {
    pub(super) ticket: Ticket,
    pub(super) is_write: bool,
}

impl Drop for InOrder {
    fn drop(&mut self) {
        if self.is_write {
            self.ticket.keep_order();
        }
    }
}
