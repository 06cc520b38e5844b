//! The outbox: requests encoded side by side, written at once, answered in order.
//!
//! Callers append to an open outbox on their own thread. Sealing it hands its bytes to the socket; from then on
//! only its slots are of interest, which the reader fills in wire order. An outbox belongs to everybody who holds
//! it: a caller that goes away leaves its slot behind and disturbs nobody.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task;
use tokio::time::Instant;

use super::cause::LostCause;
use super::group::{Group, Member, Verb};
use crate::resp::{self, Element, Frame, Kind};
use crate::sync::lock;

pub(crate) type SlotIndex = u32;

/// An outbox with this many callers closes without waiting for more.
///
/// Enough to make the cost of a write vanish, and few enough that the server starts to work on the first while
/// the rest are still being encoded.
pub(super) const MAX_SLOTS: usize = 512;
/// An outbox with this many bytes closes without waiting for more.
pub(crate) const MAX_BYTES: usize = 64 * 1024;
/// For so many hashes at most, fields gather at the same time: they are looked for one by one.
const MAX_HASHES: usize = 8;
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

#[derive(Debug)]
struct Slot {
    /// Where the request stands among the outbox's bytes.
    start: usize,
    end: usize,
    state: State,
}

#[derive(Debug)]
enum State {
    Waiting(Option<Waker>),
    /// A request with several replies, of which some have come.
    Gathering(Option<Waker>, Vec<Bytes>),
    Answered(Answer),
    /// Answer taken, or caller gone.
    Done,
}

/// An answer as the reader leaves it: a place in a chunk, decoded by the caller on its own thread.
#[derive(Debug)]
enum Answer {
    Frame(Place),
    Frames(Vec<Bytes>),
    Bulk(Place),
    Nil,
    Refused(Place),
    Mismatch { keys: usize, answers: usize },
}

#[derive(Clone, Copy, Debug)]
struct Place {
    chunk: u32,
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
enum Expected {
    One(SlotIndex),
    Several {
        slot: SlotIndex,
        left: usize,
    },
    /// One reply for `members[from..to]`, which asked for `keys` keys.
    Group {
        verb: Verb,
        from: u32,
        to: u32,
        keys: usize,
    },
}

/// Why no more answers will come for slots that have none.
#[derive(Debug)]
struct Fate {
    reason: Reason,
    /// How many of the outbox's bytes have reached the socket, or will.
    accepted: usize,
}

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

/// What the server said, not yet decoded.
#[derive(Debug)]
pub(crate) enum Reply {
    /// A whole frame.
    Frame(Bytes),
    /// The frames of a request that expects several.
    Frames(Vec<Bytes>),
    /// A value out of a group's reply.
    Bulk(Bytes),
    /// No value.
    Nil,
    /// The group's command failed as a whole, with this error: the caller may ask alone.
    Refused(Bytes),
    /// The group's reply does not fit its command.
    Mismatch { keys: usize, answers: usize },
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

/// What a caller asks for.
pub(crate) enum Ask<'a> {
    /// Any request: encoded by the callback, answered with so many frames.
    Plain {
        encode: &'a mut dyn FnMut(&mut Vec<u8>),
        replies: usize,
    },
    /// The value of a key; shares an `MGET` with others.
    Get { key: &'a [u8] },
    /// The value of a hash's field; shares an `HMGET` with others of the same hash.
    HashGet { key: &'a [u8], field: &'a [u8] },
    /// A key's new value; shares an `MSET` with others.
    Set { key: &'a [u8], value: &'a [u8] },
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
        let result = match (&mut entry.state, &inner.fate) {
            (State::Waiting(waker) | State::Gathering(waker, _), None) => {
                match waker {
                    Some(waker) => waker.clone_from(cx.waker()),
                    None => *waker = Some(cx.waker().clone()),
                }
                return Poll::Pending;
            }
            (State::Waiting(_), Some(_)) => Err(inner.undelivered(slot, Vec::new())),
            (State::Gathering(_, frames), Some(_)) => {
                let frames = mem::take(frames);
                Err(inner.undelivered(slot, frames))
            }
            (State::Answered(answer), _) => Ok(answer.take(&inner.chunks)),
            (State::Done, _) => panic!("a request was polled after its answer was taken"),
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
        let inner = lock(&self.inner);
        let is_waiting = |slot: &&Slot| matches!(slot.state, State::Waiting(_) | State::Gathering(..));
        inner.slots.iter().filter(is_waiting).count()
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
            if let State::Waiting(waker) | State::Gathering(waker, _) = &mut slot.state {
                wakers.extend(waker.take());
            }
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

    fn encode(&mut self, ask: Ask<'_>, slot: SlotIndex, task: Option<task::Id>) {
        // Requests of one task must not overtake each other, and groups are written last.
        // But for a value and a field: two reads of a group may pass each other, or every task that asks for both
        // would break up the groups of all.
        if !matches!(ask, Ask::Get { .. } | Ask::HashGet { .. }) && self.gets.was_last_joined_by(task) {
            self.flush(Verb::Get);
        }
        if !matches!(ask, Ask::Set { .. }) && self.sets.was_last_joined_by(task) {
            self.flush(Verb::Set);
        }
        if !matches!(ask, Ask::Get { .. } | Ask::HashGet { .. }) {
            self.flush_hashes(|hash| hash.was_last_joined_by(task));
        }
        match ask {
            Ask::Plain { encode, replies } => self.write(slot, encode, replies),
            Ask::HashGet { key, field } => self.join_hash(key, field, slot, task),
            Ask::Get { key } => {
                self.gets.join_get(key, slot, task);
                if self.gets.is_full() {
                    self.flush(Verb::Get);
                }
            }
            Ask::Set { key, value } => {
                self.sets.join_set(key, value, slot, task);
                if self.sets.is_full() {
                    self.flush(Verb::Set);
                }
            }
        }
    }

    fn seal(&mut self) {
        self.phase = Phase::Sealed;
        self.flush(Verb::Get);
        self.flush(Verb::Set);
        self.flush_hashes(|_| true);
    }

    fn admit(&mut self, waker: &Waker) -> SlotIndex {
        let slot = SlotIndex::try_from(self.slots.len()).expect("an outbox is full long before 2^32 slots");
        self.slots.push(Slot {
            start: 0,
            end: 0,
            state: State::Waiting(Some(waker.clone())),
        });
        self.watched += 1;
        slot
    }

    /// Writes a request of its own, for `slot`.
    fn write(&mut self, slot: SlotIndex, encode: &mut dyn FnMut(&mut Vec<u8>), replies: usize) {
        let start = self.requests.len();
        encode(&mut self.requests);
        let end = self.requests.len();
        let entry = &mut self.slots[slot as usize];
        (entry.start, entry.end) = (start, end);
        self.expected.push(match replies {
            1 => Expected::One(slot),
            left => Expected::Several { slot, left },
        });
    }

    fn flush(&mut self, verb: Verb) {
        let group = match verb {
            Verb::Get => &mut self.gets,
            _ => &mut self.sets,
        };
        if group.is_empty() {
            return;
        }
        let (start, from) = (self.requests.len(), self.members.len());
        let keys = group.flush(&mut self.requests, &mut self.members);
        self.flushed(verb, start, from, keys);
    }

    /// Notes a group's command that was written behind byte `start`, for `members[from..]`.
    fn flushed(&mut self, verb: Verb, start: usize, from: usize, keys: usize) {
        if keys > 1 {
            self.tally.batches += 1;
            self.tally.batched_keys += keys;
        }
        let end = self.requests.len();
        for member in &self.members[from..] {
            let slot = &mut self.slots[member.slot as usize];
            (slot.start, slot.end) = (start, end);
        }
        self.expected.push(match self.members[from..] {
            [Member { slot, .. }] => Expected::One(slot),
            _ => Expected::Group {
                verb,
                from: index(from),
                to: index(self.members.len()),
                keys,
            },
        });
    }

    fn join_hash(&mut self, key: &[u8], field: &[u8], slot: SlotIndex, task: Option<task::Id>) {
        let known = self.hashes.iter().position(|hash| hash.hash() == key);
        let at = known.unwrap_or_else(|| {
            if self.hashes.len() == MAX_HASHES {
                self.flush_hash(0);
            }
            self.hashes.push(Group::of_hash(key));
            self.hashes.len() - 1
        });
        self.hashes[at].join_get(field, slot, task);
        if self.hashes[at].is_full() {
            self.flush_hash(at);
        }
    }

    fn flush_hashes(&mut self, which: impl Fn(&Group) -> bool) {
        while let Some(at) = self.hashes.iter().position(&which) {
            self.flush_hash(at);
        }
    }

    fn flush_hash(&mut self, at: usize) {
        let mut hash = self.hashes.remove(at);
        let (start, from) = (self.requests.len(), self.members.len());
        let keys = hash.flush(&mut self.requests, &mut self.members);
        self.flushed(hash.verb(), start, from, keys);
    }

    /// Takes one frame as the reply to `expected`.
    fn settle(
        &mut self,
        expected: Expected,
        chunk: &Bytes,
        frame: FrameAt,
        at: u32,
        wakers: &mut Vec<Waker>,
    ) {
        let end = frame.start + frame.frame.len;
        let place = |start: usize, end: usize| Place {
            chunk: at,
            start: index(start),
            end: index(end),
        };
        match expected {
            Expected::One(slot) => {
                self.answer(slot, wakers, || Answer::Frame(place(frame.start, end)));
                self.settled += 1;
            }
            Expected::Several { slot, left } => {
                self.gather(slot, chunk.slice(frame.start..end), left == 1, wakers);
                if left > 1 {
                    self.expected[self.settled] = Expected::Several { slot, left: left - 1 };
                } else {
                    self.settled += 1;
                }
            }
            Expected::Group { verb, from, to, keys } => {
                self.settled += 1;
                let whole = place(frame.start, end);
                let members = from as usize..to as usize;
                if keys == 1 {
                    self.answer_all(members, wakers, |_| Answer::Frame(whole));
                } else if frame.frame.kind == Kind::Error {
                    self.answer_all(members, wakers, |_| Answer::Refused(whole));
                } else if verb == Verb::Set {
                    self.answer_all(members, wakers, |_| Answer::Frame(whole));
                } else {
                    self.scatter(members, keys, chunk, frame, &place, wakers);
                }
            }
        }
    }

    /// Gives each member of an `MGET` its element.
    fn scatter(
        &mut self,
        members: std::ops::Range<usize>,
        keys: usize,
        chunk: &Bytes,
        frame: FrameAt,
        place: &impl Fn(usize, usize) -> Place,
        wakers: &mut Vec<Waker>,
    ) {
        let bytes = &chunk[frame.start..frame.start + frame.frame.len];
        let elements: Vec<Element> = match resp::elements(bytes) {
            Ok(elements) if elements.len() == keys => elements.map_while(Result::ok).collect(),
            _ => Vec::new(),
        };
        if elements.len() != keys {
            let answers = resp::elements(bytes).map_or(0, |elements| elements.len());
            self.answer_all(members, wakers, |_| Answer::Mismatch { keys, answers });
            return;
        }
        self.answer_all(members, wakers, |member| match &elements[member.place as usize] {
            Element::Nil => Answer::Nil,
            Element::Bulk(range) => Answer::Bulk(place(frame.start + range.start, frame.start + range.end)),
            Element::Other(range) => Answer::Frame(place(frame.start + range.start, frame.start + range.end)),
        });
    }

    fn answer_all(
        &mut self,
        members: std::ops::Range<usize>,
        wakers: &mut Vec<Waker>,
        answer: impl Fn(Member) -> Answer,
    ) {
        for at in members {
            let member = self.members[at];
            self.answer(member.slot, wakers, || answer(member));
        }
    }

    fn answer(&mut self, slot: SlotIndex, wakers: &mut Vec<Waker>, answer: impl FnOnce() -> Answer) {
        let state = &mut self.slots[slot as usize].state;
        if let State::Waiting(waker) = state {
            wakers.extend(waker.take());
            *state = State::Answered(answer());
        }
    }

    fn gather(&mut self, slot: SlotIndex, frame: Bytes, is_last: bool, wakers: &mut Vec<Waker>) {
        let state = &mut self.slots[slot as usize].state;
        let (waker, frames) = match state {
            State::Waiting(waker) => (waker.take(), vec![frame]),
            State::Gathering(waker, frames) => {
                frames.push(frame);
                (waker.take(), mem::take(frames))
            }
            State::Answered(_) | State::Done => return,
        };
        *state = if is_last {
            wakers.extend(waker);
            State::Answered(Answer::Frames(frames))
        } else {
            State::Gathering(waker, frames)
        };
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
        let state = &mut self.slots[slot as usize].state;
        if !matches!(state, State::Done) {
            *state = State::Done;
            self.watched -= 1;
            if self.watched == 0 {
                // Answers must not keep read buffers alive once nobody can ask for them.
                self.chunks.clear();
            }
        }
    }
}

impl Undelivered {
    /// Whether the server may have executed the request: its last byte has reached the socket.
    pub(crate) fn is_sent(&self) -> bool {
        self.accepted >= self.length
    }
}

impl Answer {
    fn take(&mut self, chunks: &[Bytes]) -> Reply {
        let slice =
            |place: &Place| chunks[place.chunk as usize].slice(place.start as usize..place.end as usize);
        match self {
            Self::Frame(place) => Reply::Frame(slice(place)),
            Self::Frames(frames) => Reply::Frames(mem::take(frames)),
            Self::Bulk(place) => Reply::Bulk(slice(place)),
            Self::Nil => Reply::Nil,
            Self::Refused(place) => Reply::Refused(slice(place)),
            Self::Mismatch { keys, answers } => Reply::Mismatch {
                keys: *keys,
                answers: *answers,
            },
        }
    }
}

/// Offsets fit: one frame is limited far below 4 GiB, and so is what is read before it is handed out.
fn index(offset: usize) -> u32 {
    u32::try_from(offset).expect("replies are limited far below 4 GiB")
}
