//! A connection that suspects share.
//!
//! Most of them are innocent. Where a network cuts two connections in a row there may be thousands, and one after the other
//! they would take a round trip each.

use std::future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::time::Instant;

use super::apart::{Apart, NoAnswer, answer};
use super::deadline::within_on;
use super::request::Request;
use super::ticket::Ticket;
use crate::multiplex::{Outbox, Push, Reply};
use crate::sync::lock;

/// A connection that suspects share; see the [module](self).
#[derive(Debug)]
pub(super) struct Together {
    apart: Apart,
    open: Mutex<Option<Arc<Outbox>>>,
    asked: AtomicUsize,
    is_retired: AtomicBool,
}

/// Closes an outbox, also where the runtime ends before its time has come.
struct Closing {
    together: Arc<Together>,
    outbox: Arc<Outbox>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.together.apart.connection().close(&self.outbox);
    }
}

impl Together {
    pub(super) fn new(apart: Apart) -> Self {
        Self {
            apart,
            open: Mutex::default(),
            asked: AtomicUsize::new(0),
            is_retired: AtomicBool::new(false),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.apart.epoch()
    }

    /// It serves nobody any more.
    pub(super) fn is_over(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed) || self.apart.is_lost() || self.apart.is_closing()
    }

    /// Has others take another one, since this one may be silent for good.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
    }

    /// Nobody but one has ever used it.
    pub(super) fn had_one(&self) -> bool {
        self.asked.load(Ordering::Relaxed) == 1
    }

    /// Sends a request, with others, and waits for its answer, not yet made out.
    pub(super) async fn ask<R: Request>(
        self: &Arc<Self>,
        request: &R,
        limit: Instant,
    ) -> Result<Reply, NoAnswer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.apart.is_closing() {
            return Err(NoAnswer::Closed);
        }
        let length = request.length();
        let (ticket, closing) = loop {
            let join = future::poll_fn(|cx| Poll::Ready(self.join(request, length, cx.waker())));
            match join.await {
                Some(joined) => break joined,
                None => within_on(
                    self.apart.runtime(),
                    limit,
                    pin!(self.apart.connection().room(length)),
                )
                .await
                .ok_or(NoAnswer::Late { may_be_sent: false })?,
            }
        };
        if let Some(closing) = closing {
            tokio::spawn(async move {
                // The others come as well, as soon as they have seen their loss.
                tokio::task::yield_now().await;
                drop(closing);
            });
        }
        answer(ticket, Some((self.apart.runtime(), limit))).await
    }

    /// Joins the open outbox, or opens one, to be closed by its opener; `None` where there is no room for it now.
    fn join(
        self: &Arc<Self>,
        request: &impl Request,
        length: usize,
        waker: &Waker,
    ) -> Option<(Ticket, Option<Closing>)> {
        let connection = self.apart.connection();
        let mut open = lock(&self.open);
        request.ask(false, |mut ask| {
            let task = tokio::task::try_id();
            if let Some(outbox) = open.as_ref().filter(|_| connection.has_room(length)) {
                match outbox.push(ask, task, waker) {
                    Push::Done { slot, .. } => return Some((Ticket::new(Arc::clone(outbox), slot), None)),
                    Push::Closed(back) => ask = back,
                }
            }
            let outbox = connection.open(length)?;
            let Push::Done { slot, .. } = outbox.push(ask, task, waker) else {
                unreachable!("a new outbox is open")
            };
            *open = Some(Arc::clone(&outbox));
            let ticket = Ticket::new(Arc::clone(&outbox), slot);
            let together = Arc::clone(self);
            Some((ticket, Some(Closing { together, outbox })))
        })
    }
}
