//! A caller's place in an outbox.

use std::sync::Arc;
use std::task::{Context, Poll};

use crate::multiplex::{Outbox, Reply, SlotIndex, Undelivered};

/// Waits for one request's answer. Dropping it gives the answer up and disturbs nobody else.
#[derive(Debug)]
pub(super) struct Ticket {
    outbox: Option<Arc<Outbox>>,
    slot: SlotIndex,
}

impl Ticket {
    pub(super) fn new(outbox: Arc<Outbox>, slot: SlotIndex) -> Self {
        Self {
            outbox: Some(outbox),
            slot,
        }
    }

    /// # Panics
    ///
    /// When polled after it was ready.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Reply, Undelivered>> {
        let outbox = self.outbox.as_ref().expect("polled after it was ready");
        let result = std::task::ready!(outbox.poll(self.slot, cx));
        self.outbox = None;
        Poll::Ready(result)
    }

    /// Whether the request may reach the server, or has.
    pub(super) fn may_be_sent(&self) -> bool {
        self.outbox
            .as_ref()
            .is_none_or(|outbox| outbox.may_be_sent(self.slot))
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(outbox) = &self.outbox {
            outbox.abandon(self.slot);
        }
    }
}
