//! One live socket, shared by many callers.
//!
//! Any thread opens an [`Outbox`], fills it and closes it here; whoever closes it also writes to the socket, where
//! the socket allows that. Replies are read by the one [`Driver`](super::driver::Driver).

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{io, mem};

use futures_util::task::AtomicWaker;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::budget::Budget;
use super::cause::LostCause;
use super::outbox::{Ask, Filled, FrameAt, Outbox, Sealed};
use super::undelivered::Reason;
use super::waking::Waking;
use super::wire::{Load, Overdue, Slices, Wire};
use crate::stats::Counters;
use crate::sync::{lock, wake};
use crate::transport::{DirectWriter, Transport};

/// Keys that are kept out of batches on one connection, because a batch failed for them; more are not remembered.
const MAX_LONERS: usize = 1024;

/// A socket shared by many callers; see the [module](self).
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) epoch: u64,
    wire: Mutex<Wire>,
    /// Only here so that the hot path can look without the lock.
    under_way: AtomicUsize,
    /// How many callers the last outbox had, likewise.
    crowd: AtomicUsize,
    writer: Mutex<Option<DirectWriter>>,
    pub(super) driver: AtomicWaker,
    /// Set while the driver does not look after open outboxes, so that who opens the first one must wake it.
    pub(super) is_unwatched: AtomicBool,
    /// Set while the driver's timer is not set at all, so that who sends something must wake it.
    pub(super) is_untimed: AtomicBool,
    budget: Budget,
    left_sent: AtomicBool,
    /// Somebody wants a new connection in place of this one.
    renewal: Notify,
    grouping: AtomicBool,
    has_loners: AtomicBool,
    loners: RwLock<HashSet<Box<[u8]>>>,
    counters: Arc<Counters>,
}

impl Connection {
    pub(crate) fn new(
        epoch: u64,
        writer: Option<DirectWriter>,
        budget: usize,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            epoch,
            wire: Mutex::default(),
            under_way: AtomicUsize::new(0),
            crowd: AtomicUsize::new(0),
            writer: Mutex::new(writer),
            driver: AtomicWaker::new(),
            is_unwatched: AtomicBool::new(true),
            is_untimed: AtomicBool::new(true),
            budget: Budget::new(budget),
            left_sent: AtomicBool::new(false),
            renewal: Notify::new(),
            grouping: AtomicBool::new(true),
            has_loners: AtomicBool::new(false),
            loners: RwLock::default(),
            counters,
        }
    }

    /// A new outbox for a request of `length` bytes, or `None` where the budget has no room for it.
    pub(crate) fn open(self: &Arc<Self>, length: usize) -> Option<Arc<Outbox>> {
        if !self.has_room(length) {
            return None;
        }
        Some(self.open_at(Instant::now(), false))
    }

    /// The same for a request that travels alone, and may take so much longer than others: opened later, as far as
    /// deadlines go.
    pub(crate) fn open_alone(self: &Arc<Self>, length: usize, longer: Duration) -> Option<Arc<Outbox>> {
        self.has_room(length)
            .then(|| self.open_at(Instant::now() + longer, true))
    }

    fn open_at(self: &Arc<Self>, opened: Instant, is_lone: bool) -> Arc<Outbox> {
        let outbox = lock(&self.wire).open(self, opened, is_lone);
        self.need_driver(&self.is_unwatched);
        outbox
    }

    fn need_driver(&self, is_missed: &AtomicBool) {
        if is_missed.load(Ordering::Relaxed) && is_missed.swap(false, Ordering::Relaxed) {
            self.driver.wake();
        }
    }

    /// The request of a caller who expects nobody else, to be [sent](Self::send); `None` where the budget has no room for it.
    pub(crate) fn seal_alone(self: &Arc<Self>, length: usize, ask: Ask<'_>, waker: &Waker) -> Option<Sealed> {
        if !self.has_room(length) {
            return None;
        }
        let outbox = lock(&self.wire).prepare(self, Instant::now(), false);
        Some(outbox.seal_alone(ask, waker))
    }

    /// Hands to the socket what was [sealed alone](Self::seal_alone).
    pub(crate) fn send(&self, sealed: Sealed) {
        let mut wire = lock(&self.wire);
        if let Some(cause) = wire.lost().cloned() {
            drop(wire);
            fail(&sealed.outbox, cause);
            return;
        }
        wire.admit_sealed(sealed);
        self.go_on(wire);
        self.need_driver(&self.is_untimed);
    }

    /// Resolves when the budget may have room for `length` bytes, as it has once the connection is lost.
    pub(crate) async fn room(&self, length: usize) {
        self.budget.room(length).await;
    }

    pub(crate) fn is_lost(&self) -> bool {
        lock(&self.wire).lost().is_some()
    }

    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.budget.has_room(length)
    }

    /// Whether a caller should write at once, because nobody else seems to be about.
    pub(crate) fn is_quiet(&self) -> bool {
        self.crowd.load(Ordering::Relaxed) <= 1 && self.under_way.load(Ordering::Relaxed) == 0
    }

    /// Hands an outbox to the socket, or lets it wait for room behind those under way.
    pub(crate) fn close(&self, outbox: &Arc<Outbox>) {
        let mut wire = lock(&self.wire);
        if let Some(cause) = wire.lost().cloned() {
            wire.forget_open(outbox);
            drop(wire);
            fail(outbox, cause);
            return;
        }
        wire.admit(outbox);
        self.go_on(wire);
    }

    /// Hands an outbox to the socket in front of all that is closed from now on, with what has waited for room already.
    pub(super) fn hurry(&self, outbox: &Arc<Outbox>) {
        let mut wire = lock(&self.wire);
        if wire.lost().is_some() {
            // Nothing of it is sent.
            return;
        }
        wire.admit_now(outbox);
        self.go_on(wire);
    }

    /// Lets what was changed take effect. True where it has made room, of which those who wait for it are told.
    fn go_on(&self, wire: MutexGuard<'_, Wire>) -> bool {
        let has_room = self.publish(&wire);
        self.write(wire);
        self.tell_of_room(has_room);
        has_room
    }

    /// Writes what is unwritten, unless somebody else does already.
    fn write<'a>(&'a self, mut wire: MutexGuard<'a, Wire>) {
        if wire.writing || wire.blocked || !wire.has_unwritten() {
            return;
        }
        // Uncontended: whoever else wants it holds the wire first, and sees `writing`.
        let writer = lock(&self.writer);
        let Some(writer) = writer.as_ref() else {
            drop(wire);
            self.driver.wake();
            return;
        };
        if mem::take(&mut wire.unsure) && writer.is_readable() {
            // Nothing is owed, so that is the end of the connection, most likely. The driver reads first, and what it
            // finds decides whether anything is written.
            wire.unsure = true;
            wire.blocked = true;
            drop(wire);
            self.driver.wake();
            return;
        }
        wire.writing = true;
        while wire.has_unwritten() && !wire.blocked {
            let load = wire.take_load();
            drop(wire);
            let result = writer.try_write(&slices(&load));
            wire = lock(&self.wire);
            wire.return_load(load, *result.as_ref().unwrap_or(&0));
            match result {
                Ok(n) if n > 0 => {}
                // The driver finds out what the matter is, or waits until the socket takes more.
                _ => wire.blocked = true,
            }
        }
        wire.writing = false;
        let is_blocked = wire.blocked;
        drop(wire);
        if is_blocked {
            self.driver.wake();
        }
    }

    /// Writes what is unwritten, where nobody else does: for the driver, which has read all that it knows of.
    ///
    /// Returns whether all is written.
    pub(super) fn poll_write(&self, transport: &mut Transport, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = lock(&self.wire);
        if wire.unsure && !wire.writing && wire.has_unwritten() {
            if transport.is_readable() {
                // Its arrival has not been announced yet. When it is, that wakes the driver, which reads first.
                wire.blocked = true;
                return Poll::Pending;
            }
            wire.unsure = false;
        }
        while !wire.writing && wire.has_unwritten() {
            let written = transport.poll_write(cx, &wire.slices());
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => wire.return_load(Load::new(), n),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    wire.blocked = true;
                    return Poll::Pending;
                }
            }
        }
        wire.blocked = false;
        Poll::Ready(Ok(()))
    }

    /// Hands out complete frames, which came `now` and lie in `chunk`, to those who wait for them. False where nobody does.
    pub(super) fn deliver(
        &self,
        chunk: &bytes::Bytes,
        mut frames: &[FrameAt],
        now: Instant,
        waking: &mut Waking,
    ) -> bool {
        while !frames.is_empty() {
            let Some(outbox) = lock(&self.wire).front().cloned() else {
                return false;
            };
            let Filled {
                frames: used,
                complete,
                has_groups,
            } = outbox.fill(chunk, frames, &mut waking.answered);
            frames = &frames[used..];
            if let Some(tally) = complete {
                self.counters.settled(&tally);
                tracing::trace!(
                    target: "swapplex::outbox",
                    epoch = self.epoch,
                    requests = tally.requests,
                    batches = tally.batches,
                    batched_keys = tally.batched_keys,
                    "answered"
                );
                let mut wire = lock(&self.wire);
                wire.complete_front(now);
                wire.admit_neglected(now);
                wire.admit_due();
                waking.has_woken |= self.go_on(wire);
            }
            waking.wake_answered(has_groups);
        }
        true
    }

    /// Gives up on what has waited longer than `patience`.
    pub(super) fn expire(&self, now: Instant, patience: Duration) -> Overdue {
        let mut wakers = Vec::new();
        let mut wire = lock(&self.wire);
        wire.admit_neglected(now);
        let overdue = wire.expire(now, patience, &mut wakers);
        wire.admit_due();
        let has_room = self.publish(&wire);
        self.write(wire);
        wake(wakers);
        self.tell_of_room(has_room);
        overdue
    }

    /// Ends the connection for everybody. What was not fully sent is told so.
    ///
    /// False where a writer is at work, whose count decides about that: it wakes the driver when it is done.
    pub(super) fn lose(&self, cause: &Arc<LostCause>) -> bool {
        let mut wakers = Vec::new();
        let has_room = {
            let mut wire = lock(&self.wire);
            if wire.lost().is_some() {
                return true;
            }
            if wire.writing {
                wire.blocked = true;
                return false;
            }
            // Looked at by the task that has this called.
            self.left_sent
                .store(wire.lose(cause, &mut wakers), Ordering::Relaxed);
            self.publish(&wire)
        };
        // The socket closes when the last writer lets go of it, not when an idle thread forgets this connection.
        mem::take(&mut *lock(&self.writer));
        wake(wakers);
        self.tell_of_room(has_room);
        true
    }

    /// Whether the server may still execute something, now that the connection is lost.
    pub(crate) fn left_sent(&self) -> bool {
        self.left_sent.load(Ordering::Relaxed)
    }

    /// Nothing is owed to anybody.
    pub(crate) fn is_settled(&self) -> bool {
        lock(&self.wire).is_settled()
    }

    /// Whether some outbox has not been closed.
    pub(super) fn has_open(&self) -> bool {
        lock(&self.wire).has_open()
    }

    /// How many callers wait for an answer.
    pub(crate) fn waiting(&self) -> usize {
        lock(&self.wire).waiting()
    }

    /// True where those who wait for room are to be told, once the wire is no longer locked.
    #[must_use]
    fn publish(&self, wire: &Wire) -> bool {
        self.under_way.store(wire.under_way(), Ordering::Relaxed);
        self.crowd.store(wire.crowd(), Ordering::Relaxed);
        self.budget.publish(wire.weight())
    }

    fn tell_of_room(&self, has_room: bool) {
        if has_room {
            self.budget.tell();
        }
    }

    /// Asks for a new connection in place of this one, which goes on until there is one.
    pub(crate) fn ask_renewal(&self) {
        self.renewal.notify_one();
    }

    /// Resolves when somebody has asked for a new connection.
    pub(crate) async fn renewal_asked(&self) {
        self.renewal.notified().await;
    }

    /// Whether `key` may share a command with others here.
    #[inline]
    pub(crate) fn may_group(&self, key: &[u8]) -> bool {
        self.grouping.load(Ordering::Relaxed)
            && (!self.has_loners.load(Ordering::Relaxed) || !self.is_loner(key))
    }

    #[cold]
    fn is_loner(&self, key: &[u8]) -> bool {
        let loners = self.loners.read().unwrap_or_else(PoisonError::into_inner);
        loners.contains(key)
    }

    /// Has every key travel in a command of its own from now on.
    pub(crate) fn stop_grouping(&self) {
        self.grouping.store(false, Ordering::Relaxed);
    }

    /// Has `key` travel in a command of its own from now on.
    pub(crate) fn set_apart(&self, key: &[u8]) {
        let mut loners = self.loners.write().unwrap_or_else(PoisonError::into_inner);
        if loners.len() < MAX_LONERS {
            loners.insert(key.into());
            self.has_loners.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells those in an outbox that it has not been sent.
fn fail(outbox: &Outbox, cause: Arc<LostCause>) {
    let mut wakers = Vec::new();
    outbox.fail(Reason::Lost(cause), 0, &mut wakers);
    wake(wakers);
}

fn slices(load: &Load) -> Slices<'_> {
    load.iter().map(super::wire::Unwritten::slice).collect()
}
