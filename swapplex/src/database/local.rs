//! What each thread keeps of the databases that it uses: the live connection and the open outbox.
//!
//! This is the hot path. On a worker thread it takes no lock that anybody else wants, touches no shared counter,
//! and does not ask Tokio which runtime it is on.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use arc_swap::{ArcSwapOption, Cache};
use tokio::runtime::{self, Handle, RuntimeFlavor};

use super::closing::{Closer, Entrusted};
use super::lane::Lane;
use super::request::Request;
use super::shared::Shared;
use super::ticket::Ticket;
use crate::error::Error;
use crate::multiplex::{Connection, MAX_BYTES, Outbox, Push, Sealed};

thread_local! {
    /// Few databases, so a search from the front beats a map.
    static LOCALS: RefCell<Vec<Local>> = const { RefCell::new(Vec::new()) };

    /// The multi-thread runtime that this thread is known to be a worker of.
    static WORKER_OF: Cell<Option<runtime::Id>> = const { Cell::new(None) };
}

/// What one thread keeps of one lane.
struct Local {
    database: u64,
    runtime: runtime::Id,
    /// The thread is a worker of the lane's multi-thread runtime, so it stays one of its threads for life and need
    /// not look again which runtime it is on.
    is_worker: bool,
    /// It looks like one.
    may_be_worker: bool,
    /// How often it was used while that was not known.
    doubts: u32,
    lane: Arc<Lane>,
    live: Cache<Arc<ArcSwapOption<Connection>>, Option<Arc<Connection>>>,
    open: Option<Open>,
    closer: Arc<Closer>,
}

struct Open {
    epoch: u64,
    outbox: Arc<Outbox>,
}

/// How a request travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// In company, and in a command that it shares with others if it is of that kind.
    Usual,
    /// In a command of its own.
    Alone,
    /// In an outbox of its own, that is given up on so much later than others.
    Longer(Duration),
}

/// What became of an attempt to send.
pub(super) enum Submission {
    Queued(Ticket),
    /// No connection is live on this lane.
    NotLive(Arc<Lane>),
    /// The budget has no room now.
    NoRoom(Arc<Connection>),
}

/// What is left to do once the thread's books are closed: it may run other people's code.
enum Errand {
    Nothing,
    Close(Arc<Connection>, Arc<Outbox>),
    /// The first one holds requests that the second one's must not overtake.
    CloseBoth(Arc<Connection>, Arc<Outbox>, Arc<Outbox>),
    CloseLate(Arc<Lane>, Arc<Closer>),
    Send(Arc<Connection>, Sealed),
}

/// What a request finds on its thread.
struct Reach<'a> {
    live: Option<&'a Arc<Connection>>,
    lane: &'a Arc<Lane>,
    open: &'a mut Option<Open>,
    closer: &'a mut Arc<Closer>,
}

/// Puts a request into this thread's open outbox.
pub(super) fn submit(
    shared: &Shared,
    request: &impl Request,
    way: Way,
    waker: &Waker,
) -> Result<Submission, Error> {
    let (submission, errand) = with(shared, |reach| match way {
        Way::Longer(longer) => reach.submit_for_longer(request, longer, waker),
        way => reach.submit(request, way == Way::Alone, waker),
    })?;
    match errand {
        Errand::Nothing => {}
        Errand::Close(connection, outbox) => connection.close(&outbox),
        Errand::CloseBoth(connection, first, outbox) => {
            connection.close(&first);
            connection.close(&outbox);
        }
        Errand::CloseLate(lane, closer) => lane.close_late(closer),
        Errand::Send(connection, sealed) => connection.send(sealed),
    }
    Ok(submission)
}

/// Puts a request into the outbox that a worker has open: the short cut for nearly every request in a crowd.
///
/// `None` says nothing: [`submit`] finds out what the matter is.
pub(super) fn join(shared: &Shared, request: &impl Request, waker: &Waker) -> Option<Ticket> {
    let joined = LOCALS.try_with(|locals| {
        let mut locals = locals.borrow_mut();
        let local = locals
            .iter_mut()
            .find(|local| local.is_worker && local.database == shared.id)?;
        let open = local.open.as_ref()?;
        let connection = local.live.load().as_ref()?;
        if open.epoch != connection.epoch || request.length() > MAX_BYTES {
            return None;
        }
        let is_grouped = request.key().is_some_and(|key| connection.may_group(key));
        request.ask(is_grouped, |ask| {
            let Push::Done { slot, full } = open.outbox.push(ask, tokio::task::try_id(), waker) else {
                return None;
            };
            let ticket = Ticket::new(Arc::clone(&open.outbox), slot);
            Some((ticket, full.then(|| Arc::clone(connection))))
        })
    });
    let (ticket, full) = joined.ok().flatten()?;
    // Only now that the thread's books are closed: it may run other people's code.
    if let Some(connection) = full {
        connection.close(ticket.outbox());
    }
    Some(ticket)
}

/// Whether a connection is live on this thread's lane: the path that every command takes, and nothing else.
#[inline]
pub(crate) fn is_live(shared: &Shared) -> Result<bool, Error> {
    with(shared, |reach| reach.live.is_some())
}

/// The connection that is live here, if there is one.
pub(super) fn connection(shared: &Shared) -> Option<Arc<Connection>> {
    with(shared, |reach| reach.live.cloned()).ok().flatten()
}

/// This thread's lane.
pub(super) fn lane(shared: &Shared) -> Result<Arc<Lane>, Error> {
    with(shared, |reach| Arc::clone(reach.lane))
}

#[inline]
fn with<R>(shared: &Shared, f: impl FnOnce(Reach<'_>) -> R) -> Result<R, Error> {
    let mut f = Some(f);
    let known = LOCALS.try_with(|locals| {
        let mut locals = locals.borrow_mut();
        let local = locals
            .iter_mut()
            .find(|local| local.is_worker && local.database == shared.id)?;
        let reach = local.reach();
        // A lane that has a live connection has not ended.
        if reach.live.is_none() && reach.lane.has_ended() {
            return None;
        }
        f.take().map(|f| f(reach))
    });
    if let Ok(Some(result)) = known {
        return Ok(result);
    }
    match f {
        Some(f) => with_looked_up(shared, f),
        None => unreachable!("the callback is only taken to be called"),
    }
}

/// The way for threads that may be on another runtime than last time, or here for the first time.
// Out of line, so that it does not burden the way that workers go.
#[cold]
#[inline(never)]
fn with_looked_up<R>(shared: &Shared, f: impl FnOnce(Reach<'_>) -> R) -> Result<R, Error> {
    let handle = Handle::try_current().map_err(|_| Error::NoRuntime)?;
    let runtime = handle.id();
    let mut f = Some(f);
    let found = LOCALS.try_with(|locals| {
        let mut locals = locals.borrow_mut();
        let local = locals.iter_mut().find(|local| {
            local.database == shared.id && local.runtime == runtime && !local.lane.has_ended()
        })?;
        let is_doubtful = local.is_doubtful();
        f.take().map(|f| (f(local.reach()), is_doubtful))
    });
    match (found, f) {
        (Ok(Some((result, is_doubtful))), _) => {
            if is_doubtful {
                prove_worker(&handle);
            }
            Ok(result)
        }
        (Ok(None), Some(f)) => {
            let mut local = Local::new(shared, &handle);
            if local.is_doubtful() {
                prove_worker(&handle);
            }
            let result = f(local.reach());
            let ended: Vec<Local> = LOCALS.with(|locals| {
                let mut locals = locals.borrow_mut();
                let ended = locals.extract_if(.., |local| local.lane.has_ended()).collect();
                locals.push(local);
                ended
            });
            // Only now, since what they hold may come back here when it is dropped.
            drop(ended);
            Ok(result)
        }
        // The thread is ending, and its locals are gone.
        (Err(_), Some(f)) => Ok(f(Local::new(shared, &handle).reach())),
        (_, None) => unreachable!("the callback is only taken to be called"),
    }
}

/// Notes on a worker of that runtime that it is one. On this thread, if it is: a task that a worker spawns runs there
/// next, unless another worker takes it.
///
/// Tokio tells a thread that it is a worker, but not of which runtime: the context may be that of another, by
/// `Handle::enter`, or by `block_on` inside of `block_in_place`.
fn prove_worker(handle: &Handle) {
    let runtime = handle.id();
    handle.spawn(async move {
        if runtime::worker_index().is_some() {
            WORKER_OF.set(Some(runtime));
        }
    });
}

impl Local {
    fn new(shared: &Shared, handle: &Handle) -> Self {
        let lane = shared.lane(handle);
        Self {
            database: shared.id,
            runtime: handle.id(),
            is_worker: false,
            may_be_worker: handle.runtime_flavor() == RuntimeFlavor::MultiThread
                && runtime::worker_index().is_some(),
            doubts: 0,
            live: Cache::new(Arc::clone(&lane.live)),
            lane,
            open: None,
            closer: Arc::default(),
        }
    }

    /// Whether it should be found out now if this thread is a worker of the lane's runtime: more and more rarely, since
    /// another thread may take the task that tells.
    fn is_doubtful(&mut self) -> bool {
        if !self.may_be_worker {
            return false;
        }
        self.is_worker = WORKER_OF.get() == Some(self.runtime);
        self.doubts = self.doubts.saturating_add(1);
        !self.is_worker && self.doubts.is_power_of_two()
    }

    #[inline]
    fn reach(&mut self) -> Reach<'_> {
        Reach {
            live: self.live.load().as_ref(),
            lane: &self.lane,
            open: &mut self.open,
            closer: &mut self.closer,
        }
    }
}

impl Reach<'_> {
    fn submit(mut self, request: &impl Request, is_alone: bool, waker: &Waker) -> (Submission, Errand) {
        let Some(connection) = self.live else {
            return (Submission::NotLive(Arc::clone(self.lane)), Errand::Nothing);
        };
        let is_grouped = !is_alone && request.key().is_some_and(|key| connection.may_group(key));
        let length = request.length();
        request.ask(is_grouped, |mut ask| {
            let task = tokio::task::try_id();
            if let Some(open) = self.open.as_ref().filter(|open| open.epoch == connection.epoch)
                && (length <= MAX_BYTES || connection.has_room(length))
            {
                match open.outbox.push(ask, task, waker) {
                    Push::Done { slot, full } => {
                        let ticket = Ticket::new(Arc::clone(&open.outbox), slot);
                        let errand = if full {
                            Errand::Close(Arc::clone(connection), Arc::clone(&open.outbox))
                        } else {
                            Errand::Nothing
                        };
                        return (Submission::Queued(ticket), errand);
                    }
                    Push::Closed(back) => ask = back,
                }
            }
            // Let go of the old one first, so that it can be used again; but not while what is in it has to go first.
            if connection.has_room(length) {
                *self.open = None;
            }
            let no_room = || (Submission::NoRoom(Arc::clone(connection)), Errand::Nothing);
            if connection.is_quiet() {
                let Some(sealed) = connection.seal_alone(length, ask, waker) else {
                    return no_room();
                };
                let ticket = Ticket::new(Arc::clone(&sealed.outbox), 0);
                return (
                    Submission::Queued(ticket),
                    Errand::Send(Arc::clone(connection), sealed),
                );
            }
            let Some(outbox) = connection.open(length) else {
                return no_room();
            };
            let Push::Done { slot, full } = outbox.push(ask, task, waker) else {
                unreachable!("a new outbox is open")
            };
            let ticket = Ticket::new(Arc::clone(&outbox), slot);
            let errand = if full {
                Errand::Close(Arc::clone(connection), outbox)
            } else {
                let errand = self.close_late(connection, &outbox);
                *self.open = Some(Open {
                    epoch: connection.epoch,
                    outbox,
                });
                errand
            };
            (Submission::Queued(ticket), errand)
        })
    }

    /// Has `outbox` closed when the tasks that are ready to run have had their turn.
    fn close_late(&mut self, connection: &Arc<Connection>, outbox: &Arc<Outbox>) -> Errand {
        match self.closer.entrust(connection, outbox) {
            Entrusted::UnderWay => return Errand::Nothing,
            Entrusted::First => {}
            Entrusted::Busy => {
                *self.closer = Arc::default();
                self.closer.entrust(connection, outbox);
            }
        }
        Errand::CloseLate(Arc::clone(self.lane), Arc::clone(self.closer))
    }

    fn submit_for_longer(
        self,
        request: &impl Request,
        longer: Duration,
        waker: &Waker,
    ) -> (Submission, Errand) {
        let Some(connection) = self.live else {
            return (Submission::NotLive(Arc::clone(self.lane)), Errand::Nothing);
        };
        let Some(outbox) = connection.open_alone(request.length(), longer) else {
            return (Submission::NoRoom(Arc::clone(connection)), Errand::Nothing);
        };
        let task = tokio::task::try_id();
        let slot = request.ask(false, |ask| outbox.push_first(ask, task, waker));
        let ticket = Ticket::new(Arc::clone(&outbox), slot);
        let errand = match self.open.take().filter(|open| open.epoch == connection.epoch) {
            Some(open) => Errand::CloseBoth(Arc::clone(connection), open.outbox, outbox),
            None => Errand::Close(Arc::clone(connection), outbox),
        };
        (Submission::Queued(ticket), errand)
    }
}
