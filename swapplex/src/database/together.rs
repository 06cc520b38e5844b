//! A connection that suspects share.
//!
//! Most of them are innocent. Where a network cuts two connections in a row there may be thousands, and one after the other
//! they would take a round trip each.

use std::future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::time::{Instant, timeout_at};

use super::apart::{Apart, NoAnswer, answer};
use super::request::Request;
use super::ticket::Ticket;
use crate::multiplex::{Connection, Outbox, Push, Reply};
use crate::sync::lock;

/// A connection that suspects share; see the [module](self).
#[derive(Debug)]
pub(super) struct Together {
    apart: Apart,
    open: Mutex<Option<Arc<Outbox>>>,
    asked: AtomicUsize,
}

/// Closes an outbox, also where the future of whoever opened it is dropped.
struct Closing<'a> {
    connection: &'a Connection,
    outbox: Arc<Outbox>,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.connection.close(&self.outbox);
    }
}

impl Together {
    pub(super) fn new(apart: Apart) -> Self {
        Self {
            apart,
            open: Mutex::default(),
            asked: AtomicUsize::new(0),
        }
    }

    pub(super) fn epoch(&self) -> u64 {
        self.apart.epoch()
    }

    /// It serves nobody any more.
    pub(super) fn is_over(&self) -> bool {
        self.apart.is_lost() || self.apart.is_closing()
    }

    /// Nobody but one has ever used it.
    pub(super) fn had_one(&self) -> bool {
        self.asked.load(Ordering::Relaxed) == 1
    }

    /// Sends a request, with others, and waits for its answer, not yet made out.
    pub(super) async fn ask<R: Request>(&self, request: &R, limit: Instant) -> Result<Reply, NoAnswer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.apart.is_closing() {
            return Err(NoAnswer::Closed);
        }
        let length = request.length();
        let (ticket, closing) = loop {
            let join = future::poll_fn(|cx| Poll::Ready(self.join(request, length, cx.waker())));
            match join.await {
                Some(joined) => break joined,
                None => timeout_at(limit, self.apart.connection().room(length))
                    .await
                    .map_err(|_| NoAnswer::Late { may_be_sent: false })?,
            }
        };
        if closing.is_some() {
            // The others come as well, as soon as they have seen their loss.
            tokio::task::yield_now().await;
        }
        drop(closing);
        answer(ticket, Some(limit)).await
    }

    /// Joins the open outbox, or opens one, to be closed by its opener; `None` where there is no room for it now.
    fn join(
        &self,
        request: &impl Request,
        length: usize,
        waker: &Waker,
    ) -> Option<(Ticket, Option<Closing<'_>>)> {
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
            Some((ticket, Some(Closing { connection, outbox })))
        })
    }
}
