//! The outbox: requests encoded side by side, written at once, answered in order.
//!
//! Callers append to an open outbox on their own thread. Sealing it hands its bytes to the socket; from then on
//! only its slots are of interest, which the reader fills in wire order. An outbox belongs to everybody who holds
//! it: a caller that goes away leaves its slot behind and disturbs nobody.

mod draft;
mod replies;
mod slot;
#[cfg(test)]
mod tests;

use std::iter;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task;
use tokio::time::Instant;

pub(super) use self::draft::Draft;
pub(crate) use self::draft::{Ask, MAX_BYTES};
pub(crate) use self::slot::Reply;

use self::replies::Owed;
use self::slot::{Slot, Taken};
use super::connection::Connection;
use super::undelivered::{Reason, Undelivered};
use crate::resp::Frame;
use crate::sync::lock;

pub(crate) type SlotIndex = u32;

/// An outbox that waits for room on the wire takes no more after this time: its deadline counts from when it was opened.
const STALE: Duration = Duration::from_millis(50);
/// What a waiting caller is reckoned to cost beside the bytes of its request.
const SLOT_WEIGHT: usize = 64;
/// What an outbox is reckoned to cost beside that, if it did not have to wait for company. Of others there are few.
pub(super) const OWN_WEIGHT: usize = 1536;

/// Requests that travel together; see the [module](self).
#[derive(Debug)]
pub(crate) struct Outbox {
    connection: Weak<Connection>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    opened: Instant,
    epoch: u64,
    phase: Phase,
    /// With so many callers it closes without waiting for more.
    most: usize,
    /// It has as many callers or bytes as it may have.
    is_full: bool,
    /// What is not sealed yet.
    draft: Option<Box<Draft>>,
    slots: Vec<Slot>,
    /// Slots that somebody still looks at.
    watched: usize,
    owed: Owed,
    /// Read buffers that answers point into.
    chunks: Vec<Bytes>,
    fate: Option<Fate>,
}

/// What the wire has to know of an outbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Summary {
    pub(super) callers: usize,
    /// It takes one caller only.
    pub(super) is_lone: bool,
    /// What it is reckoned to hold in memory, for the budget.
    pub(super) weight: usize,
}

/// The one request of a caller who expects nobody else, ready to be written.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) outbox: Arc<Outbox>,
    pub(super) draft: Box<Draft>,
    pub(super) summary: Summary,
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
    /// What the outbox carried, once it has all its replies.
    pub(super) complete: Option<Tally>,
    /// Whether keys share a command in it.
    pub(super) has_groups: bool,
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
    pub(super) fn new(epoch: u64, connection: Weak<Connection>) -> Self {
        Self {
            connection,
            inner: Mutex::new(Inner {
                opened: Instant::now(),
                epoch,
                phase: Phase::Sealed,
                most: 0,
                is_full: false,
                draft: None,
                slots: Vec::new(),
                watched: 0,
                owed: Owed::default(),
                chunks: Vec::new(),
                fate: None,
            }),
        }
    }

    /// Makes the outbox as good as new, but for the memory that it has, with room for `most` callers; nobody else may hold
    /// it.
    pub(super) fn reopen(&mut self, now: Instant, draft: Box<Draft>, most: usize) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        inner.opened = now;
        inner.phase = Phase::Open;
        inner.most = most;
        inner.is_full = false;
        inner.draft = Some(draft);
        inner.slots.drain(..).for_each(Slot::discard);
        inner.watched = 0;
        inner.owed.clear();
        inner.chunks.clear();
        inner.fate = None;
    }

    /// Seals the outbox, which was just opened and which nobody else holds, with the request of a caller who expects nobody
    /// else.
    pub(super) fn seal_alone(mut self: Arc<Self>, ask: Ask<'_>, waker: &Waker) -> Sealed {
        let outbox = Arc::get_mut(&mut self).expect("nobody else holds it");
        let inner = outbox.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        let draft = inner.draft.as_mut().expect("a new outbox is open");
        inner.slots.push(Slot::new(waker));
        inner.watched += 1;
        draft.take_alone(ask, 0, &mut inner.owed);
        let summary = inner.summary();
        let draft = inner.seal().expect("it was just looked at");
        Sealed {
            outbox: self,
            draft,
            summary,
        }
    }

    /// Appends a request, unless the outbox is closed.
    #[inline]
    pub(crate) fn push<'a>(&self, ask: Ask<'a>, task: Option<task::Id>, waker: &Waker) -> Push<Ask<'a>> {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let is_closed = inner.is_full || inner.is_stale();
        let Some(draft) = inner.draft.as_mut().filter(|_| !is_closed) else {
            return Push::Closed(ask);
        };
        let slot = index(inner.slots.len());
        // Made where it stays: a `push` makes it on the stack first, in case that there is no room.
        inner.slots.extend(iter::once_with(|| Slot::new(waker)));
        inner.watched += 1;
        draft.take(ask, slot, task, &mut inner.owed);
        inner.is_full = inner.slots.len() >= inner.most || draft.len_bytes() >= MAX_BYTES;
        Push::Done {
            slot,
            full: inner.is_full,
        }
    }

    /// The same, where it was just opened.
    ///
    /// # Panics
    ///
    /// Where it is closed.
    pub(crate) fn push_first(&self, ask: Ask<'_>, task: Option<task::Id>, waker: &Waker) -> SlotIndex {
        match self.push(ask, task, waker) {
            Push::Done { slot, .. } => slot,
            Push::Closed(_) => unreachable!("a new outbox is open"),
        }
    }

    /// The answer in `slot`, if it is a [value](Reply::Bulk); what else there may be, [`poll`](Self::poll) tells.
    // Inlined, so that the value stays in registers: copied from place to place it takes longer than to be looked up.
    #[inline]
    pub(crate) fn take_value(&self, slot: SlotIndex) -> Option<Bytes> {
        let mut inner = lock(&self.inner);
        let place = inner.slots[slot as usize].take_value()?;
        let value = place.slice(&inner.chunks);
        inner.forget_caller();
        Some(value)
    }

    /// Looks for the answer in `slot`, and leaves the waker where there is none yet.
    pub(crate) fn poll(&self, slot: SlotIndex, cx: &mut Context<'_>) -> Poll<Result<Reply, Undelivered>> {
        let mut inner = lock(&self.inner);
        let result = match inner.slots[slot as usize].take(cx.waker()) {
            Taken::Answer(answer) => Ok(answer.reply(&inner.chunks)),
            Taken::Nothing(replaced) => {
                drop(inner);
                // Only now: with its last waker a task may go, and with the task what waits in this very outbox.
                drop(replaced);
                return Poll::Pending;
            }
            Taken::Lost { request, answered } => Err(inner.undelivered(request, answered)),
        };
        inner.forget_caller();
        Poll::Ready(result)
    }

    /// Forgets the caller of `slot`.
    pub(crate) fn abandon(&self, slot: SlotIndex) {
        let mut inner = lock(&self.inner);
        let released = inner.slots[slot as usize].release();
        if released.is_some() {
            inner.forget_caller();
        }
        drop(inner);
        // Only now, as in `poll`.
        drop(released);
    }

    /// Has the outbox sent in front of all that is asked for from now on, if it was not sent yet.
    pub(crate) fn hurry(self: &Arc<Self>) {
        let is_sealed = lock(&self.inner).phase == Phase::Sealed;
        if !is_sealed && let Some(connection) = self.connection.upgrade() {
            connection.hurry(self);
        }
    }

    pub(crate) fn opened(&self) -> Instant {
        lock(&self.inner).opened
    }

    /// The connection that it belongs to.
    pub(crate) fn epoch(&self) -> u64 {
        lock(&self.inner).epoch
    }

    /// How many callers are in here.
    pub(crate) fn callers(&self) -> usize {
        lock(&self.inner).slots.len()
    }

    /// Whether keys share a command that is not written yet.
    pub(crate) fn has_groups(&self) -> bool {
        let inner = lock(&self.inner);
        inner.draft.as_ref().is_some_and(|draft| draft.has_groups())
    }

    /// Whether all replies to what is in here have come.
    pub(crate) fn is_answered(&self) -> bool {
        lock(&self.inner).owed.is_settled()
    }

    /// How many callers are in here that have no answer yet.
    pub(super) fn waiting(&self) -> usize {
        lock(&self.inner)
            .slots
            .iter()
            .filter(|slot| slot.is_waiting())
            .count()
    }

    /// Whether nobody has closed the outbox yet.
    pub(crate) fn is_open(&self) -> bool {
        lock(&self.inner).phase == Phase::Open
    }

    /// Notes that the outbox waits to be sealed; `None` where it does already, or is past that.
    pub(super) fn mark_due(&self) -> Option<Summary> {
        let mut inner = lock(&self.inner);
        if inner.phase != Phase::Open {
            return None;
        }
        inner.phase = Phase::Due;
        Some(inner.summary())
    }

    /// Ends the open phase and gives out the encoded requests; `None` where that was done before.
    pub(super) fn seal(&self) -> Option<(Box<Draft>, Summary)> {
        let mut inner = lock(&self.inner);
        let summary = inner.summary();
        Some((inner.seal()?, summary))
    }

    /// Hands out frames, in order, to the callers that they answer.
    ///
    /// `frames` lie in `chunk`. Wakers are collected, so that nobody is woken while the lock is held.
    pub(super) fn fill(&self, chunk: &Bytes, frames: &[FrameAt], wakers: &mut Vec<Waker>) -> Filled {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        let at = u32::try_from(inner.chunks.len()).expect("a chunk holds a frame at least");
        let used = frames
            .iter()
            .take_while(|frame| inner.settle(chunk, **frame, at, wakers))
            .count();
        if inner.watched > 0 && used > 0 {
            inner.chunks.push(chunk.clone());
        }
        Filled {
            frames: used,
            complete: inner.owed.is_settled().then_some(Tally {
                requests: inner.slots.len(),
                ..inner.owed.tally
            }),
            has_groups: inner.owed.tally.batches > 0,
        }
    }

    /// Gives up on what has no answer. `accepted` is how many of the outbox's bytes reached the socket, or will.
    pub(super) fn fail(&self, reason: Reason, accepted: usize, wakers: &mut Vec<Waker>) {
        let mut inner = lock(&self.inner);
        let inner = &mut *inner;
        // Only what is written has a place among the bytes, by which to tell that it was not sent.
        inner.seal();
        let slots = &mut inner.slots;
        inner
            .owed
            .each_unsettled(|slot, request| slots[slot as usize].lose(request, wakers));
        // The first one counts: what was withdrawn then can't be sent any more.
        inner.fate.get_or_insert(Fate { reason, accepted });
    }

    /// Where the request that byte `at` belongs to ends, so that it is not cut in the middle.
    pub(super) fn request_end(&self, at: usize) -> usize {
        lock(&self.inner).owed.request_end(at)
    }

    /// Forgets the replies to requests that begin at byte `at` or later: they will not be sent.
    ///
    /// Returns whether no reply is owed any more.
    pub(super) fn truncate(&self, at: usize) -> bool {
        let owed = &mut lock(&self.inner).owed;
        owed.truncate(at);
        owed.is_settled()
    }
}

impl Inner {
    /// Whether it has waited for room for so long that who joined it now would have noticeably less time.
    fn is_stale(&self) -> bool {
        // The clock is only looked at while the server is behind.
        self.phase == Phase::Due && self.opened.elapsed() > STALE
    }

    fn summary(&self) -> Summary {
        let bytes = self.draft.as_ref().map_or(0, |draft| draft.len_bytes());
        let is_lone = self.most == 1;
        let own = if is_lone { OWN_WEIGHT } else { 0 };
        Summary {
            callers: self.slots.len(),
            is_lone,
            weight: own + bytes + self.slots.len() * SLOT_WEIGHT,
        }
    }

    fn seal(&mut self) -> Option<Box<Draft>> {
        self.phase = Phase::Sealed;
        let mut draft = self.draft.take()?;
        draft.flush_all(&mut self.owed);
        Some(draft)
    }

    fn undelivered(&self, request: Range<usize>, answered: Vec<Bytes>) -> Undelivered {
        let fate = self.fate.as_ref().expect("only asked for once it is known");
        let Range { start, end } = request;
        Undelivered {
            reason: fate.reason.clone(),
            accepted: fate.accepted.clamp(start, end) - start,
            length: end - start,
            answered,
            opened: self.opened,
            epoch: self.epoch,
        }
    }

    #[inline]
    fn forget_caller(&mut self) {
        self.watched -= 1;
        if self.watched == 0 {
            // Answers must not keep read buffers alive once nobody can ask for them.
            self.chunks.clear();
        }
    }
}

/// Places fit: an outbox is full long before 2^32 slots, one frame is limited far below 4 GiB, and so is what is read
/// before it is handed out.
fn index(place: usize) -> u32 {
    u32::try_from(place).expect("outboxes and replies are limited far below 2^32")
}
