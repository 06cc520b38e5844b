//! The outbox: requests encoded side by side, written at once, answered in order.
//!
//! Callers append to an open outbox on their own thread. Sealing it hands its bytes to the socket; from then on
//! only its slots are of interest, which the reader fills in wire order. An outbox belongs to everybody who holds
//! it: a caller that goes away leaves its slot behind and disturbs nobody.

mod replies;
mod requests;
mod slot;

use std::mem;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task;
use tokio::time::Instant;

pub(crate) use self::requests::Ask;
pub(crate) use self::slot::Reply;

use self::replies::Expected;
use self::slot::Slot;
use super::group::{Group, Member, Verb};
use super::undelivered::{Reason, Undelivered};
use crate::resp::{self, Frame};
use crate::sync::lock;

pub(crate) type SlotIndex = u32;

/// An outbox with this many callers closes without waiting for more.
///
/// Enough to make the cost of a write vanish, and few enough that the server starts to work on the first while
/// the rest are still being encoded.
pub(super) const MAX_SLOTS: usize = 512;
/// An outbox with this many bytes closes without waiting for more.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// An outbox that waits for room on the wire takes no more after this time: its deadline counts from when it was opened.
const STALE: Duration = Duration::from_millis(50);
/// What a waiting caller is reckoned to cost beside the bytes of its request.
const SLOT_WEIGHT: usize = 64;

/// Requests that travel together; see the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    opened: Instant,
    epoch: u64,
    phase: Phase,
    /// Encoded requests, until they are handed to the socket.
    requests: Vec<u8>,
    slots: Vec<Slot>,
    /// Slots that somebody still looks at.
    watched: usize,
    /// What the server owes, in wire order, and how much of it has come.
    expected: Vec<Expected>,
    settled: usize,
    gets: Group,
    sets: Group,
    /// One for each hash whose fields are asked for, at most [`MAX_HASHES`].
    hashes: Vec<Group>,
    members: Vec<Member>,
    /// Read buffers that answers point into.
    chunks: Vec<Bytes>,
    fate: Option<Fate>,
    tally: Tally,
}

/// What one outbox carried.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    /// Commands that several keys share.
    pub(crate) batches: usize,
    /// Keys in them.
    pub(crate) batched_keys: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Closed as far as time goes, but there was no room on the wire: still takes requests.
    Due,
    Sealed,
}

/// Why no more answers will come for slots that have none.
#[derive(Debug)]
struct Fate {
    reason: Reason,
    /// How many of the outbox's bytes have reached the socket, or will.
    accepted: usize,
}

/// One complete frame in a chunk of received bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameAt {
    pub(super) start: usize,
    pub(super) frame: Frame,
}

/// How far a run of frames went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    /// Frames used up.
    pub(super) frames: usize,
    /// Whether the outbox has all its replies.
    pub(super) complete: bool,
}

/// What a push to an outbox led to.
#[derive(Debug)]
pub(crate) enum Push<T> {
    /// In; `full` says that the outbox should close now.
    Done { slot: SlotIndex, full: bool },
    /// The outbox takes no more; here is what was to be pushed.
    Closed(T),
}

impl Outbox {
    pub(super) fn new(epoch: u64, now: Instant) -> Self {
        Self {
            inner: Mutex::new(Inner {
                opened: now,
                epoch,
                phase: Phase::Open,
                requests: Vec::new(),
                slots: Vec::new(),
                watched: 0,
                expected: Vec::new(),
                settled: 0,
                gets: Group::new(Verb::Get),
                sets: Group::new(Verb::Set),
                hashes: Vec::new(),
                members: Vec::new(),
                chunks: Vec::new(),
                fate: None,
                tally: Tally::default(),
            }),
        }
    }

    /// Appends a request, unless the outbox is closed.
    pub(crate) fn push<'a>(&self, ask: Ask<'a>, task: Option<task::Id>, waker: &Waker) -> Push<Ask<'a>> {
        let mut inner = lock(&self.inner);
        if inner.phase == Phase::Sealed || inner.is_full() || inner.is_stale() {
            return Push::Closed(ask);
        }
        let slot = inner.admit(waker);
        inner.encode(ask, slot, task);
        Push::Done {
            slot,
            full: inner.is_full(),
        }
    }

    /// Makes the request of a caller who expects nobody else the only one.
    pub(crate) fn push_alone(&self, ask: Ask<'_>, waker: &Waker) -> SlotIndex {
        let mut inner = lock(&self.inner);
        let slot = inner.admit(waker);
        match ask {
            Ask::Plain { encode, replies } => inner.write(slot, encode, replies),
            Ask::Get { key } => inner.write(slot, &mut |out| resp::command(out, &[b"GET", key]), 1),
            Ask::Set { key, value } => {
                inner.write(slot, &mut |out| resp::command(out, &[b"SET", key, value]), 1);
            }
            Ask::HashGet { key, field } => {
                inner.write(slot, &mut |out| resp::command(out, &[b"HGET", key, field]), 1);
            }
        }
        slot
    }

    /// Makes the outbox as good as new, but for the memory that it has; nobody else may hold it.
    pub(super) fn reopen(&mut self, now: Instant) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.opened = now;
        inner.phase = Phase::Open;
        inner.requests.clear();
        inner.slots.clear();
        inner.watched = 0;
        inner.expected.clear();
        inner.settled = 0;
        inner.hashes.clear();
        inner.members.clear();
        inner.chunks.clear();
        inner.fate = None;
        inner.tally = Tally::default();
    }

    /// Returns the buffer that [`seal`](Self::seal) gave out.
    pub(super) fn give_back(&self, mut requests: Vec<u8>) {
        if requests.capacity() <= 2 * MAX_BYTES {
            requests.clear();
            lock(&self.inner).requests = requests;
        }
    }

    /// Looks for the answer in `slot`, and leaves the waker where there is none yet.
    pub(crate) fn poll(&self, slot: SlotIndex, cx: &mut Context<'_>) -> Poll<Result<Reply, Undelivered>> {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let entry = &mut inner.slots[slot as usize];
        let result = if let Some(answer) = entry.answered() {
            Ok(answer.take(&inner.chunks))
        } else if inner.fate.is_some() {
            let answered = entry.gathered();
            Err(inner.undelivered(slot, answered))
        } else {
            entry.wait(cx.waker());
            return Poll::Pending;
        };
        inner.release(slot);
        Poll::Ready(result)
    }

    /// Forgets the caller of `slot`.
    pub(crate) fn abandon(&self, slot: SlotIndex) {
        lock(&self.inner).release(slot);
    }

    pub(crate) fn opened(&self) -> Instant {
        lock(&self.inner).opened
    }

    /// The connection that it belongs to.
    pub(crate) fn epoch(&self) -> u64 {
        lock(&self.inner).epoch
    }

    /// What the outbox carried, for the statistics.
    pub(super) fn tally(&self) -> Tally {
        let inner = lock(&self.inner);
        Tally {
            requests: inner.slots.len(),
            ..inner.tally
        }
    }

    /// How many callers are in here.
    pub(crate) fn callers(&self) -> usize {
        lock(&self.inner).slots.len()
    }

    /// How many callers are in here that have no answer yet.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.inner)
            .slots
            .iter()
            .filter(|slot| slot.is_waiting())
            .count()
    }

    /// Whether the outbox takes no more.
    pub(super) fn is_full(&self) -> bool {
        lock(&self.inner).is_full()
    }

    /// What the outbox is reckoned to hold in memory, for the budget.
    pub(super) fn weight(&self) -> usize {
        let inner = lock(&self.inner);
        inner.len_bytes() + inner.slots.len() * SLOT_WEIGHT
    }

    /// Whether nobody has closed the outbox yet.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.inner).phase == Phase::Open
    }

    /// Notes that the outbox waits to be sealed; false where it does already, or is past that.
    pub(super) fn mark_due(&self) -> bool {
        let mut inner = lock(&self.inner);
        let is_open = inner.phase == Phase::Open;
        if is_open {
            inner.phase = Phase::Due;
        }
        is_open
    }

    /// Ends the open phase and gives out the encoded requests; `None` where that was done before.
    pub(super) fn seal(&self) -> Option<Vec<u8>> {
        let mut inner = lock(&self.inner);
        if inner.phase == Phase::Sealed {
            return None;
        }
        inner.seal();
        Some(mem::take(&mut inner.requests))
    }

    /// Hands out frames, in order, to the callers that they answer.
    ///
    /// `frames` lie in `chunk`. Wakers are collected, so that nobody is woken while the lock is held.
    pub(super) fn fill(&self, chunk: &Bytes, frames: &[FrameAt], wakers: &mut Vec<Waker>) -> Filled {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let mut used = 0;
        let at = u32::try_from(inner.chunks.len()).expect("a chunk holds a frame at least");
        for frame in frames {
            let Some(expected) = inner.expected.get(inner.settled).copied() else {
                break;
            };
            used += 1;
            inner.settle(expected, chunk, *frame, at, wakers);
        }
        if inner.watched > 0 && used > 0 {
            inner.chunks.push(chunk.clone());
        }
        Filled {
            frames: used,
            complete: inner.settled == inner.expected.len(),
        }
    }

    /// Gives up on what has no answer. `accepted` is how many of the outbox's bytes reached the socket, or will.
    pub(super) fn fail(&self, reason: Reason, accepted: usize, wakers: &mut Vec<Waker>) {
        let mut inner = lock(&self.inner);
        if inner.phase != Phase::Sealed {
            // Only what is written has a place among the bytes, by which to tell that it was not sent.
            inner.seal();
        }
        for slot in &mut inner.slots {
            slot.wake(wakers);
        }
        inner.fate = Some(Fate { reason, accepted });
    }

    /// Where the request that byte `at` belongs to ends, so that it is not cut in the middle.
    pub(super) fn request_end(&self, at: usize) -> usize {
        let inner = lock(&self.inner);
        inner
            .slots
            .iter()
            .find(|slot| slot.start < at && at < slot.end)
            .map_or(at, |slot| slot.end)
    }

    /// Forgets the replies to requests that begin at byte `at` or later: they will not be sent.
    ///
    /// Returns whether no reply is owed any more.
    pub(super) fn truncate(&self, at: usize) -> bool {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let kept = inner.expected.iter().position(|expected| {
            let slot = match *expected {
                Expected::One(slot) | Expected::Several { slot, .. } => slot,
                Expected::Group { from, .. } => inner.members[from as usize].slot,
            };
            inner.slots[slot as usize].start >= at
        });
        if let Some(kept) = kept {
            inner.expected.truncate(kept);
        }
        inner.settled >= inner.expected.len()
    }
}

impl Inner {
    fn len_bytes(&self) -> usize {
        let hashes: usize = self.hashes.iter().map(Group::len_bytes).sum();
        self.requests.len() + self.gets.len_bytes() + self.sets.len_bytes() + hashes
    }

    /// Whether it has waited for room for so long that who joined it now would have noticeably less time.
    fn is_stale(&self) -> bool {
        // The clock is only looked at while the server is behind.
        self.phase == Phase::Due && self.opened.elapsed() > STALE
    }

    fn is_full(&self) -> bool {
        self.slots.len() >= MAX_SLOTS || self.len_bytes() >= MAX_BYTES
    }

    fn seal(&mut self) {
        self.phase = Phase::Sealed;
        self.flush_all();
    }

    fn admit(&mut self, waker: &Waker) -> SlotIndex {
        let slot = SlotIndex::try_from(self.slots.len()).expect("an outbox is full long before 2^32 slots");
        self.slots.push(Slot::new(waker));
        self.watched += 1;
        slot
    }

    fn undelivered(&self, slot: SlotIndex, answered: Vec<Bytes>) -> Undelivered {
        let Slot { start, end, .. } = self.slots[slot as usize];
        let fate = self.fate.as_ref().expect("only asked for once it is known");
        Undelivered {
            reason: fate.reason.clone(),
            accepted: fate.accepted.clamp(start, end) - start,
            length: end - start,
            answered,
            opened: self.opened,
            epoch: self.epoch,
        }
    }

    fn release(&mut self, slot: SlotIndex) {
        if self.slots[slot as usize].release() {
            self.watched -= 1;
            if self.watched == 0 {
                // Answers must not keep read buffers alive once nobody can ask for them.
                self.chunks.clear();
            }
        }
    }
}

/// Offsets fit: one frame is limited far below 4 GiB, and so is what is read before it is handed out.
fn index(offset: usize) -> u32 {
    u32::try_from(offset).expect("replies are limited far below 4 GiB")
}
