//! What is on its way: outboxes whose replies are owed, and bytes that the socket has not taken yet.
//!
//! Plain bookkeeping without I/O, kept under the connection's lock.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use smallvec::SmallVec;
use tokio::time::Instant;

use super::cause::LostCause;
use super::connection::Connection;
use super::outbox::{Draft, OWN_WEIGHT, Outbox, Sealed, Summary};
use super::undelivered::Reason;

/// How many outboxes may be in flight before the next ones wait, and gather more requests meanwhile.
///
/// Small ones too take their turn at once while there is room. Where they waited for company in a crowd, 512 tasks took
/// 1.12 to 1.18 times as long, and fan-outs as long as without that (loopback, two processors, 80 turns each).
///
/// With 4, the server runs dry while a task that fans out encodes on, and nobody on its worker reads: 4,096 gets take 1.04
/// to 1.07 of the time. Crowds of tasks take the same time with 4, 6 and 8 (120 and 40 turns each).
const WINDOW: usize = 6;
/// An outbox with this many callers closes without waiting for more: enough to make the cost of a write vanish.
const MAX_SLOTS: usize = 512;
/// The same where nothing is under way when it is opened, or one request that went alone: the server may as well begin
/// while the rest are being encoded.
///
/// A fan-out of 300 to 560 gets takes 0.82 to 0.88 of the time that it takes with 512, one of 1,024 to 4,096 takes 0.92 to
/// 1.02 of it (loopback, two processors, taking turns).
const FIRST_SLOTS: usize = 192;
/// How many outboxes one write takes along at most. Systems take some more, but no more than 1,024.
const MAX_LOAD: usize = 64;
/// How many complete outboxes are kept for the next ones.
const RETIRED: usize = 8;
/// An outbox that has been open for so long is closed by the driver, which comes by as often as that while there are open
/// ones: its own thread takes some hundred microseconds, unless something blocks it.
pub(super) const NEGLECTED: Duration = Duration::from_millis(10);
/// How soon to look again for overdue requests that a writer had in its hands.
const SOON: Duration = Duration::from_millis(5);
/// A connection that has owed nothing for so long is looked at before it is written to: the server may have closed it.
///
/// Longer than it takes to ask the next thing after an answer, so that nobody who is busy pays for the look; and short,
/// since a write that goes into a closed connection has an unknown outcome.
const IDLE: Duration = Duration::from_micros(50);

#[derive(Debug, Default)]
pub(super) struct Wire {
    /// Replies are owed to these, in this order.
    in_flight: VecDeque<Flight>,
    /// Bytes of the last outboxes of `in_flight` that the socket has not taken.
    unwritten: VecDeque<Unwritten>,
    /// Outboxes that take requests, and are not yet due.
    ///
    /// It is up to the thread that opened one to have it closed. They are known here for the sake of those who wait in one
    /// whose thread does not come to that, since something blocks it.
    open: Vec<Open>,
    /// Outboxes that would be sealed if there were room.
    due: VecDeque<Due>,
    /// Outboxes that are complete; their memory serves the next ones.
    retired: VecDeque<Arc<Outbox>>,
    /// Drafts that are written, likewise. The last one first, since it is the likeliest to be in the processor's cache.
    #[expect(
        clippy::vec_box,
        reason = "in its box, a draft goes to an outbox and comes back cheaply"
    )]
    drafts: Vec<Box<Draft>>,
    /// How many callers the last outbox had that was sealed.
    crowd: usize,
    /// Somebody writes to the socket at this moment, and has taken `unwritten` along.
    pub(super) writing: bool,
    /// The socket took less than it was given: only the driver writes now, when the socket is ready again.
    pub(super) blocked: bool,
    /// When the last reply that was owed came.
    rested: Option<Instant>,
    /// Before the next write, somebody has to look whether the server has closed the connection.
    pub(super) unsure: bool,
    /// Set for ever once the connection is lost.
    lost: Option<Arc<LostCause>>,
    /// Memory that the outboxes in here are reckoned to hold.
    weight: usize,
    /// How many of those in flight count for the window: the ones that more callers could have joined.
    shared_in_flight: usize,
}

#[derive(Debug)]
struct Open {
    outbox: Arc<Outbox>,
    since: Instant,
}

#[derive(Debug)]
struct Flight {
    outbox: Arc<Outbox>,
    weight: usize,
    expired: bool,
    is_lone: bool,
}

#[derive(Debug)]
struct Due {
    outbox: Arc<Outbox>,
    weight: usize,
    is_lone: bool,
}

/// Sealed requests on their way into the socket.
#[derive(Debug)]
pub(super) struct Unwritten {
    outbox: Arc<Outbox>,
    draft: Box<Draft>,
    written: usize,
}

/// What a writer takes along while it writes without holding the lock.
pub(super) type Load = SmallVec<[Unwritten; 4]>;
/// The same, as the socket takes it.
pub(super) type Slices<'a> = SmallVec<[IoSlice<'a>; 8]>;

/// What looking for overdue outboxes found.
#[derive(Debug, Default)]
pub(super) struct Overdue {
    /// When to look again.
    pub(super) next: Option<Instant>,
    /// Since when the oldest reply has been owed.
    pub(super) oldest: Option<Instant>,
}

impl Wire {
    pub(super) fn lost(&self) -> Option<&Arc<LostCause>> {
        self.lost.as_ref()
    }

    pub(super) fn has_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Outboxes sent or about to be.
    pub(super) fn under_way(&self) -> usize {
        self.in_flight.len() + self.due.len()
    }

    /// No outbox is open, and no reply is owed.
    pub(super) fn is_settled(&self) -> bool {
        self.open.is_empty() && self.under_way() == 0
    }

    /// How many callers wait for a reply, or to be sent.
    pub(super) fn waiting(&self) -> usize {
        let in_flight = self.in_flight.iter().map(|flight| flight.outbox.waiting());
        let due = self.due.iter().map(|due| due.outbox.waiting());
        let open = self.open.iter().map(|open| open.outbox.waiting());
        in_flight.chain(due).chain(open).sum()
    }

    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// The outbox that the next reply belongs to.
    pub(super) fn front(&self) -> Option<&Arc<Outbox>> {
        self.in_flight.front().map(|flight| &flight.outbox)
    }

    /// How many callers the last outbox had.
    pub(super) fn crowd(&self) -> usize {
        self.crowd
    }

    /// Takes in an outbox whose time has come, behind those that wait already.
    pub(super) fn admit(&mut self, outbox: &Arc<Outbox>) {
        self.forget_open(outbox);
        if let Some(Summary { weight, is_lone, .. }) = outbox.mark_due() {
            self.weight += weight;
            self.due.push_back(Due {
                outbox: Arc::clone(outbox),
                weight,
                is_lone,
            });
        }
        self.admit_due();
    }

    /// Takes in an outbox, and seals it behind those that wait already, whether or not there is room.
    pub(super) fn admit_now(&mut self, outbox: &Arc<Outbox>) {
        self.admit(outbox);
        let mut due = self.due.iter();
        if let Some(at) = due.position(|due| Arc::ptr_eq(&due.outbox, outbox)) {
            for due in self.due.drain(..=at).collect::<Vec<_>>() {
                self.weight -= due.weight;
                self.seal(due, OWN_WEIGHT);
            }
        }
    }

    /// Takes in what has been open for so long that its thread must be blocked.
    pub(super) fn admit_neglected(&mut self, now: Instant) {
        // Who has just opened one, and has nothing in there yet, finds it open.
        let is_neglected =
            |open: &Open| now.saturating_duration_since(open.since) >= NEGLECTED && open.outbox.callers() > 0;
        while let Some(at) = self.open.iter().position(is_neglected) {
            let outbox = Arc::clone(&self.open[at].outbox);
            self.admit(&outbox);
        }
    }

    /// Knows no more of an open outbox that its thread has closed.
    pub(super) fn forget_open(&mut self, outbox: &Arc<Outbox>) {
        // Few, one for each thread; and the last one is the likeliest to be closed next.
        let mut open = self.open.iter();
        if let Some(at) = open.rposition(|open| Arc::ptr_eq(&open.outbox, outbox)) {
            // In order, since those of one task must not overtake one another.
            self.open.remove(at);
        }
    }

    /// Seals due outboxes while there is room.
    pub(super) fn admit_due(&mut self) {
        // Where no company may join, waiting gains nothing.
        let may_go = |due: &Due, shared: usize| due.is_lone || shared < WINDOW;
        while self
            .due
            .front()
            .is_some_and(|due| may_go(due, self.shared_in_flight))
            && let Some(due) = self.due.pop_front()
        {
            self.weight -= due.weight;
            self.seal(due, 0);
        }
    }

    fn seal(&mut self, due: Due, own_weight: usize) {
        let outbox = due.outbox;
        if let Some((draft, mut summary)) = outbox.seal() {
            summary.weight += own_weight;
            self.admit_sealed(Sealed {
                outbox,
                draft,
                summary,
            });
        }
    }

    /// Takes in what goes now, whether or not there is room.
    pub(super) fn admit_sealed(&mut self, sealed: Sealed) {
        let Sealed {
            outbox,
            draft,
            summary,
        } = sealed;
        let Summary {
            callers,
            is_lone,
            weight,
        } = summary;
        self.weight += weight;
        if !is_lone {
            self.crowd = callers;
            self.shared_in_flight += 1;
        }
        self.unwritten.push_back(Unwritten {
            outbox: Arc::clone(&outbox),
            draft,
            written: 0,
        });
        self.in_flight.push_back(Flight {
            outbox,
            weight,
            expired: false,
            is_lone,
        });
    }

    /// Retires the first outbox, whose replies are complete `now`.
    pub(super) fn complete_front(&mut self, now: Instant) {
        self.rested = Some(now);
        if let Some(flight) = self.in_flight.pop_front() {
            self.weight -= flight.weight;
            self.shared_in_flight -= usize::from(!flight.is_lone);
            if self.retired.len() == RETIRED {
                self.retired.pop_front();
            }
            self.retired.push_back(flight.outbox);
        }
    }

    /// Opens an outbox, for one caller if it `is_lone`.
    pub(super) fn open(&mut self, connection: &Arc<Connection>, now: Instant, is_lone: bool) -> Arc<Outbox> {
        let outbox = self.prepare(connection, now, is_lone);
        self.open.push(Open {
            outbox: Arc::clone(&outbox),
            since: now,
        });
        outbox
    }

    /// An outbox that nobody else holds, open and not known here: one whose callers all have their answers, for the memory
    /// that it has, or else a new one.
    pub(super) fn prepare(
        &mut self,
        connection: &Arc<Connection>,
        now: Instant,
        is_lone: bool,
    ) -> Arc<Outbox> {
        if self.under_way() == 0
            && self
                .rested
                .is_none_or(|rested| now.saturating_duration_since(rested) >= IDLE)
        {
            self.unsure = true;
        }
        // Callers that were just woken have not taken their answers yet, so the oldest are the likeliest to be free.
        let free = self
            .retired
            .iter()
            .position(|outbox| Arc::strong_count(outbox) == 1)
            .and_then(|free| self.retired.remove(free));
        let draft = self.drafts.pop().unwrap_or_default();
        let most = if is_lone {
            1
        } else if self.under_way() == 0 || self.crowd <= 1 {
            FIRST_SLOTS
        } else {
            MAX_SLOTS
        };
        let mut outbox =
            free.unwrap_or_else(|| Arc::new(Outbox::new(connection.epoch, Arc::downgrade(connection))));
        Arc::get_mut(&mut outbox)
            .expect("nobody else holds it")
            .reopen(now, draft, most);
        outbox
    }

    pub(super) fn has_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    pub(super) fn take_load(&mut self) -> Load {
        let parts = self.unwritten.len().min(MAX_LOAD);
        self.unwritten.drain(..parts).collect()
    }

    /// Takes back what a writer had along, of which the socket took `accepted` bytes.
    pub(super) fn return_load(&mut self, load: Load, accepted: usize) {
        for part in load.into_iter().rev() {
            self.unwritten.push_front(part);
        }
        self.account(accepted);
    }

    /// Notes that the socket took `accepted` more bytes.
    fn account(&mut self, mut accepted: usize) {
        while let Some(first) = self.unwritten.front_mut() {
            let left = first.draft.bytes().len() - first.written;
            if accepted < left {
                first.written += accepted;
                return;
            }
            accepted -= left;
            if let Some(part) = self.unwritten.pop_front()
                && self.drafts.len() < WINDOW
            {
                self.drafts.extend(part.draft.reopen());
            }
        }
    }

    /// Gives up on outboxes that were opened `patience` ago or earlier.
    ///
    /// What has not begun to leave is withdrawn and never sent; of what has, the request under the cut is completed.
    pub(super) fn expire(&mut self, now: Instant, patience: Duration, wakers: &mut Vec<Waker>) -> Overdue {
        let mut overdue = Overdue::default();
        let mut is_late = |outbox: &Outbox| {
            let limit = outbox.opened() + patience;
            if limit > now {
                overdue.next = Some(overdue.next.map_or(limit, |next| next.min(limit)));
            }
            limit <= now
        };

        // Flights in front of it are written, and may be many: their bytes need not be looked for.
        let first = self.first_unwritten();
        let mut is_written = true;
        let weight = &mut self.weight;
        self.due.retain(|due| {
            let late = is_late(&due.outbox);
            if late {
                due.outbox.fail(Reason::Deadline, 0, wakers);
                *weight -= due.weight;
            }
            !late
        });

        let unwritten = &mut self.unwritten;
        let shared_in_flight = &mut self.shared_in_flight;
        let writing = self.writing;
        let mut again = false;
        self.in_flight.retain_mut(|flight| {
            is_written &= !is_same(&flight.outbox, first.as_ref());
            if flight.expired || !is_late(&flight.outbox) {
                return true;
            }
            let mut parts = unwritten.iter();
            let at = (!is_written)
                .then(|| parts.position(|part| Arc::ptr_eq(&part.outbox, &flight.outbox)))
                .flatten();
            let Some(at) = at else {
                if writing {
                    // Its bytes may be in the writer's hands; they will be where they belong in a moment.
                    again = true;
                } else {
                    flight.outbox.fail(Reason::Deadline, usize::MAX, wakers);
                    flight.expired = true;
                }
                return true;
            };
            let part = &mut unwritten[at];
            let committed = flight.outbox.request_end(part.written);
            flight.outbox.fail(Reason::Deadline, committed, wakers);
            flight.expired = true;
            if flight.outbox.truncate(committed) {
                unwritten.remove(at);
                *weight -= flight.weight;
                *shared_in_flight -= usize::from(!flight.is_lone);
                return false;
            }
            part.draft.truncate(committed);
            if part.written == committed {
                unwritten.remove(at);
            }
            true
        });
        overdue.oldest = self.in_flight.front().map(|flight| flight.outbox.opened());
        if again {
            overdue.next = Some(now + SOON);
        }
        overdue
    }

    /// Ends everything that is on its way; nothing is taken in after this.
    ///
    /// Returns whether the server may still execute something of it: whether a part was sent and not answered.
    pub(super) fn lose(&mut self, cause: &Arc<LostCause>, wakers: &mut Vec<Waker>) -> bool {
        let mut left_sent = false;
        self.lost = Some(Arc::clone(cause));
        // Who has just opened one finds it open, and the connection lost when it is closed.
        let open = self.open.drain(..).map(|open| open.outbox);
        let open = open.filter(|outbox| outbox.callers() > 0);
        let due = self.due.drain(..).map(|due| due.outbox);
        for unsent in open.chain(due) {
            unsent.fail(Reason::Lost(Arc::clone(cause)), 0, wakers);
        }
        // What is not written yet belongs to the last of them, in the same order.
        let first = self.first_unwritten();
        let mut unwritten = self
            .unwritten
            .drain(..)
            .skip_while(|part| !is_same(&part.outbox, first.as_ref()))
            .peekable();
        for flight in self.in_flight.drain(..) {
            let accepted = unwritten
                .next_if(|part| Arc::ptr_eq(&part.outbox, &flight.outbox))
                .map_or(usize::MAX, |part| part.written);
            left_sent |= accepted > 0;
            flight
                .outbox
                .fail(Reason::Lost(Arc::clone(cause)), accepted, wakers);
        }
        drop(unwritten);
        self.retired.clear();
        self.drafts.clear();
        self.weight = 0;
        self.shared_in_flight = 0;
        // Who comes now does not wait for company.
        self.crowd = 0;
        left_sent
    }

    /// The first outbox in flight that has bytes left to be written.
    ///
    /// There may be bytes in front of these: a server can answer, with a refusal, what it has not read to the end.
    fn first_unwritten(&self) -> Option<Arc<Outbox>> {
        let is_in_flight = |outbox: &Arc<Outbox>| {
            let mut flights = self.in_flight.iter();
            flights.any(|flight| Arc::ptr_eq(&flight.outbox, outbox))
        };
        let mut outboxes = self.unwritten.iter().map(|part| &part.outbox);
        outboxes.find(|outbox| is_in_flight(outbox)).cloned()
    }

    /// What the socket should take next.
    pub(super) fn slices(&self) -> Slices<'_> {
        self.unwritten.iter().take(8).map(Unwritten::slice).collect()
    }
}

impl Unwritten {
    pub(super) fn slice(&self) -> IoSlice<'_> {
        IoSlice::new(&self.draft.bytes()[self.written..])
    }
}

fn is_same(outbox: &Arc<Outbox>, other: Option<&Arc<Outbox>>) -> bool {
    other.is_some_and(|other| Arc::ptr_eq(outbox, other))
}
