//! Connections that one caller has alone, and the commands that are moved to them.

use std::future;
use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::task::{Poll, Waker};
use std::time::Duration;

use futures_util::future::FutureExt;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout_at};
use tracing::Instrument;

use super::deadline;
use super::dial::{ConnectError, Dialled, dial};
use super::lane::Lane;
use super::line::{Blockable, Driven, Line};
use super::local;
use super::not_now::{latest_start, pause};
use super::outcome::{breaks, finish, late, partial, retry_apart, unknown};
use super::request::Request;
use super::shared::Shared;
use super::suspect::{CONVICTIONS, Witness};
use super::ticket::Ticket;
use crate::command::{Class, Wait};
use crate::error::{Error, NotExecuted};
use crate::multiplex::{Connection, Driver, Greeting, LostCause, Outbox, Reason, Reply, Undelivered};
use crate::settings::FOR_EVER;
use crate::sync::lock;
use crate::transport::HangUp;

/// How many commands of one database may block at the same time; more wait for their turn.
pub(super) const MAX_BLOCKED: usize = 64;
/// Attempts to connect are at least so far apart, where the debounce allows more.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// A connection that one caller has alone. Never made again when it is lost; closed on drop.
#[derive(Debug)]
pub(crate) struct Apart {
    shared: Arc<Shared>,
    connection: Arc<Connection>,
    /// The one that drives it: who uses it may be on another.
    runtime: Handle,
    line: Arc<Line>,
    driver: AbortHandle,
    /// The driver has the socket, and this as long.
    hang_up: Weak<HangUp>,
    /// What was sent last that nobody waits for the answer of.
    posted: Mutex<Option<Arc<Outbox>>>,
    /// Has the driver wait for the answer to that before it closes the connection.
    farewell: Option<oneshot::Sender<Arc<Outbox>>>,
}

/// The right to have one of the [`MAX_BLOCKED`] connections.
type Turn = Arc<OwnedSemaphorePermit>;

/// When to give up, by the clock of the runtime that ends what is waited for.
pub(super) type Until<'a> = (&'a Handle, Instant);

/// Why a request on a connection of one's own has no answer.
pub(super) enum NoAnswer {
    Undelivered(Undelivered),
    Late {
        may_be_sent: bool,
    },
    /// It is being closed, and takes nothing new.
    Closed,
}

/// Connects apart from the connection that all share.
///
/// That one is waited for first: it finds out for everybody whether the server is there, at the rate that the debounce
/// allows.
///
/// # Errors
///
/// [`Error::NotExecuted`] where there is no connection by `limit`, or none in sight.
pub(crate) async fn dial_apart(shared: &Arc<Shared>, limit: Instant) -> Result<Dialled, Error> {
    let lane = local::lane(shared)?;
    // As a task, which ends with its runtime: a future's timers panic then, and whoever polls it may be on another thread.
    let mut dialling = JoinSet::new();
    let dialled = dialled(Arc::clone(shared), Arc::clone(&lane), limit).in_current_span();
    dialling.spawn_on(dialled, &lane.runtime);
    match dialling.join_next().await {
        Some(Ok(result)) => result,
        // As Tokio does on a runtime without timers.
        Some(Err(error)) if error.is_panic() => Err(Arc::new(ConnectError::Panicked).into()),
        _ => Err(Arc::new(ConnectError::RuntimeEnded).into()),
    }
}

async fn dialled(shared: Arc<Shared>, lane: Arc<Lane>, limit: Instant) -> Result<Dialled, Error> {
    let mut last: Option<Arc<ConnectError>> = None;
    let attempts = async {
        loop {
            lane.connection().await?;
            match dial(&shared.destination, None, shared.settings()).await {
                Ok(dialled) => return Ok(dialled),
                Err(cause) if cause.is_permanent() => return Err(Arc::new(cause)),
                Err(cause) => last = Some(Arc::new(cause)),
            }
            sleep(shared.settings().reconnect_debounce.max(SHORTEST_PAUSE)).await;
        }
    };
    let outcome = timeout_at(limit, attempts).await;
    Err(Error::NotExecuted(match outcome {
        Ok(Ok(dialled)) => {
            shared.counters().dedicated.add(1);
            return Ok(dialled);
        }
        Ok(Err(cause)) => NotExecuted::Connect(cause),
        Err(_) => match last.or_else(|| lane.last_failure()) {
            Some(cause) => NotExecuted::Unreachable(cause),
            None => NotExecuted::Timeout,
        },
    }))
}

impl Apart {
    /// Connects, and drives the connection on this runtime. A turn is kept until the socket is closed.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`] where there is no connection by `limit`, or none in sight.
    pub(crate) async fn open(
        shared: &Arc<Shared>,
        turn: Option<Turn>,
        limit: Instant,
    ) -> Result<Self, Error> {
        let dialled = dial_apart(shared, limit).await?;
        let settings = shared.settings();
        let held = drive(shared, Some(&dialled.greeting))?;
        let Dialled {
            transport, leftover, ..
        } = dialled;
        let hang_up = transport
            .hang_up()
            .map_err(|error| Error::from(Arc::new(ConnectError::Io(error.into()))))?;
        let hang_up = Arc::new(hang_up);
        let connection = Arc::new(Connection::new(
            shared.next_epoch(),
            transport.direct_writer(),
            settings.in_flight_budget,
            Arc::clone(&shared.counters),
        ));
        let driver = Driver::new(
            Arc::clone(&connection),
            transport,
            leftover,
            // Deadlines are the callers' own here.
            FOR_EVER,
            settings.reply_limits,
        );
        let line = Arc::clone(held.line());
        line.serves(&connection);
        let served = Arc::clone(&connection);
        let patience = settings.command_timeout;
        let (farewell, parting) = oneshot::channel::<Arc<Outbox>>();
        let handle = Arc::downgrade(&hang_up);
        let driver = tokio::spawn(async move {
            // Dropped in the opposite order.
            let _turn = turn;
            let held = held;
            let _hang_up = hang_up;
            let mut driver = driver;
            let cause = tokio::select! {
                cause = driver.serve() => cause,
                () = held.line().asked() => {
                    held.line().settle(&served, &mut driver).await;
                    LostCause::Closed
                }
                Ok(posted) = parting => {
                    tokio::select! {
                        () = driver.serve_until(|| posted.is_answered()) => {}
                        () = sleep(patience) => {}
                        () = held.line().overdue() => {}
                    }
                    LostCause::Closed
                }
            };
            driver.lose(cause).await;
        });
        Ok(Self {
            shared: Arc::clone(shared),
            connection,
            runtime: Handle::current(),
            line,
            driver: driver.abort_handle(),
            hang_up: handle,
            posted: Mutex::default(),
            farewell: Some(farewell),
        })
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.connection.epoch
    }

    pub(super) fn is_lost(&self) -> bool {
        self.connection.is_lost()
    }

    /// It takes nothing new.
    pub(super) fn is_closing(&self) -> bool {
        self.line.is_asked()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    fn until(&self, limit: Option<Instant>) -> Option<Until<'_>> {
        Some((&self.runtime, limit?))
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Sends a request once and waits for its answer; without a limit, for as long as it takes.
    ///
    /// # Errors
    ///
    /// What is known of a request that was not answered; nothing is sent again.
    pub(crate) async fn call<R: Request>(
        &self,
        mut request: R,
        limit: Option<Instant>,
    ) -> Result<R::Output, R::Error> {
        has_runtime()?;
        let undelivered = match self.ask(&request, limit).await {
            Ok(reply) => return finish(&mut request, reply),
            Err(NoAnswer::Late { may_be_sent }) => {
                let epoch = Some(self.connection.epoch);
                return Err(late(&self.shared, &request, epoch, may_be_sent).into());
            }
            Err(NoAnswer::Closed) => return Err(closed().into()),
            Err(NoAnswer::Undelivered(undelivered)) => undelivered,
        };
        let (reason, epoch) = (undelivered.reason.clone(), undelivered.epoch);
        let may_have_run = request.resume(undelivered).is_some() || request.has_begun();
        let cause = match reason {
            Reason::Lost(cause) => cause,
            Reason::Deadline => return Err(late(&self.shared, &request, Some(epoch), may_have_run).into()),
        };
        if !may_have_run {
            return Err(Error::NotExecuted(NotExecuted::Lost(cause)).into());
        }
        Err(unknown(&self.shared, &request, epoch, cause).into())
    }

    /// Sends a request. Its answer, if there is one, is passed over.
    pub(crate) async fn post(&self, request: &impl Request, limit: Option<Instant>) -> Result<(), Error> {
        has_runtime()?;
        match self.submit(request, limit).await {
            Ok(ticket) => {
                // The answer to the one before comes earlier.
                *lock(&self.posted) = Some(Arc::clone(ticket.outbox()));
                Ok(())
            }
            Err(NoAnswer::Closed) => Err(closed()),
            Err(_) => Err(Error::NotExecuted(NotExecuted::Timeout)),
        }
    }

    /// Sends a request once and waits for its answer, not yet made out.
    pub(super) async fn ask<R: Request>(
        &self,
        request: &R,
        limit: Option<Instant>,
    ) -> Result<Reply, NoAnswer> {
        let ticket = self.submit(request, limit).await?;
        answer(ticket, self.until(limit)).await
    }

    async fn submit<R: Request>(&self, request: &R, limit: Option<Instant>) -> Result<Ticket, NoAnswer> {
        // Once it is lost nothing else would ever wait.
        tokio::task::consume_budget().await;
        if self.is_closing() {
            return Err(NoAnswer::Closed);
        }
        let ticket = submit(&self.connection, request, self.until(limit)).await;
        ticket.ok_or(NoAnswer::Late { may_be_sent: false })
    }
}

/// Sends a request on a connection that few use; `None` where there was no room for it in time.
pub(super) async fn submit<R: Request>(
    connection: &Arc<Connection>,
    request: &R,
    limit: Option<Until<'_>>,
) -> Option<Ticket> {
    loop {
        let submit = |waker: &Waker| try_submit(connection, request, waker);
        match future::poll_fn(|cx| Poll::Ready(submit(cx.waker()))).await {
            Some(ticket) => return Some(ticket),
            None => within(limit, pin!(connection.room(request.length()))).await?,
        }
    }
}

/// The same, where there is room for it now.
pub(super) fn try_submit(
    connection: &Arc<Connection>,
    request: &impl Request,
    waker: &Waker,
) -> Option<Ticket> {
    let outbox = connection.open_alone(request.length(), Duration::ZERO)?;
    let task = tokio::task::try_id();
    let slot = request.ask(false, |ask| outbox.push_first(ask, task, waker));
    connection.close(&outbox);
    Some(Ticket::new(outbox, slot))
}

/// Waits for the answer to what is in an outbox, not yet made out.
pub(super) async fn answer(mut ticket: Ticket, limit: Option<Until<'_>>) -> Result<Reply, NoAnswer> {
    match within(limit, future::poll_fn(|cx| ticket.poll(cx))).await {
        Some(result) => result.map_err(NoAnswer::Undelivered),
        // It will be sent even if it was not yet.
        None => Err(NoAnswer::Late { may_be_sent: true }),
    }
}

/// Sends a request whose answer nobody waits for, from wherever this is called; not at all where there is no room for it.
pub(super) fn post(connection: &Arc<Connection>, request: &impl Request) {
    if let Some(outbox) = connection.open(request.length()) {
        let slot = request.ask(false, |ask| outbox.push_first(ask, None, Waker::noop()));
        connection.close(&outbox);
        drop(Ticket::new(outbox, slot));
    }
}

/// Registers a connection that is apart from the shared one; with what the server said of it, if commands may block on it.
///
/// # Errors
///
/// Where the database has been closed since it was begun.
pub(crate) fn drive(shared: &Arc<Shared>, greeting: Option<&Greeting>) -> Result<Driven, Error> {
    let runtime = Handle::try_current().map_err(|_| Error::NoRuntime)?.id();
    let blockable = greeting.and_then(|greeting| {
        Some(Blockable {
            shared: Arc::downgrade(shared),
            client_id: greeting.client_id?,
            identity: greeting.identity.clone(),
        })
    });
    let driven = Line::open(shared.id, runtime, blockable);
    // Looked at once it is registered: whoever closes the database does it the other way round.
    if shared.is_closed(runtime) {
        return Err(Error::NotExecuted(NotExecuted::Connect(Arc::new(
            ConnectError::Closed,
        ))));
    }
    Ok(driven)
}

pub(super) fn closed() -> Error {
    Error::NotExecuted(NotExecuted::Lost(Arc::new(LostCause::Closed)))
}

impl Drop for Apart {
    fn drop(&mut self) {
        let posted = lock(&self.posted).take();
        if let (Some(posted), Some(farewell)) = (posted, self.farewell.take())
            && !posted.is_answered()
            && farewell.send(posted).is_ok()
        {
            // Whoever sent it was told that it is on its way.
            return;
        }
        // The runtime may not come to the driver for a while. The server would go on with a command that blocks, and give to
        // nobody what somebody else puts into a list.
        if let Some(hang_up) = self.hang_up.upgrade() {
            hang_up.now();
        }
        self.driver.abort();
    }
}

/// What a request that travels apart has lost soon after it was sent.
#[derive(Debug, Default)]
struct Losses {
    in_a_row: u32,
    /// How many of these connections were lost alone.
    convictions: u32,
}

/// Sends a request that may block on a connection that nobody else waits for, again where that does no harm.
///
/// The connection is closed afterwards, or when the future is dropped: only so a server stops working on a command
/// whose caller has gone away.
pub(crate) async fn call_apart<R: Request>(
    shared: Arc<Shared>,
    mut request: R,
    wait: Wait,
    patience: Duration,
) -> Result<R::Output, R::Error> {
    let lane = local::lane(&shared)?;
    let limit = after(wait.plus(patience));
    let turn = pin!(Arc::clone(&shared.turns).acquire_owned());
    let turn = tokio::select! {
        biased;
        cause = lane.over() => return Err(Error::from(cause).into()),
        turn = within(limit.map(|limit| (&lane.runtime, limit)), turn) => turn,
    };
    let Some(turn) = turn else {
        return Err(Error::NotExecuted(NotExecuted::Timeout).into());
    };
    let turn = Arc::new(turn.expect("the semaphore is never closed"));
    // Its own time begins with its turn: it could not use what others have left of it.
    let mut limit = after(wait.plus(patience));
    let last_limit =
        limit.and_then(|limit| limit.checked_add(limit.saturating_duration_since(Instant::now())));
    let mut refusals = 0;
    let mut refused_since = None;
    let mut losses = Losses::default();
    loop {
        if let Err(error) = has_runtime() {
            let error = if request.has_begun() {
                partial(&shared, &request, error)
            } else {
                error
            };
            return Err(error.into());
        }
        if losses.in_a_row > 1 {
            let pause = shared
                .settings()
                .reconnect_debounce
                .min(patience)
                .max(SHORTEST_PAUSE);
            let then = Instant::now() + pause;
            lane.pause_until(limit.map_or(then, |limit| limit.min(then)))
                .await;
        }
        let connect = Instant::now() + patience;
        let connect = limit.map_or(connect, |limit| limit.min(connect));
        let apart = match Apart::open(&shared, Some(Arc::clone(&turn)), connect).await {
            Ok(apart) => apart,
            Err(error) if request.has_begun() => return Err(partial(&shared, &request, error).into()),
            Err(error) => return Err(error.into()),
        };
        let witness = Witness::new(&shared);
        let asked = Instant::now();
        match apart.ask(&request, limit).await {
            Ok(reply) => {
                if request.not_now(&reply).is_none() {
                    return finish(&mut request, reply);
                }
                // Not what it asked the server to wait, which may be for ever.
                let until = *refused_since.get_or_insert_with(Instant::now) + patience;
                let until = limit.map_or(until, |limit| limit.min(until));
                refusals += 1;
                let next = Instant::now() + pause(refusals);
                let may_wait = next < latest_start(until, asked.elapsed(), patience) && has_runtime().is_ok();
                if may_wait {
                    lane.pause_until(next).await;
                }
                if !may_wait || has_runtime().is_err() {
                    return finish(&mut request, reply);
                }
            }
            Err(NoAnswer::Undelivered(undelivered)) => {
                if asked.elapsed() >= patience {
                    // What is idle for long may be cut for that alone.
                    losses = Losses::default();
                }
                losses.in_a_row += 1;
                let until = Instant::now() + patience;
                let until = limit.map_or(until, |limit| limit.min(until));
                // What is not sent again is told so at once.
                let may_go_on =
                    has_runtime().is_ok() && (!undelivered.is_sent() || request.class() == Class::Read);
                if may_go_on && witness.blames(&shared, &undelivered, until).await {
                    losses.convictions += 1;
                }
                if losses.convictions == CONVICTIONS
                    && let Reason::Lost(cause) = undelivered.reason.clone()
                {
                    return Err(breaks(&shared, &mut request, undelivered, cause, false).into());
                }
                retry_apart(&shared, &mut request, undelivered)?;
                // It waits anew. But twice as long in all at most: it might be cut again and again.
                limit = after(wait.plus(patience)).min(last_limit);
            }
            Err(NoAnswer::Closed) if request.has_begun() => {
                return Err(partial(&shared, &request, closed()).into());
            }
            Err(NoAnswer::Closed) => return Err(closed().into()),
            Err(NoAnswer::Late { may_be_sent }) => {
                let epoch = Some(apart.connection.epoch);
                return Err(late(&shared, &request, epoch, may_be_sent).into());
            }
        }
    }
}

/// When `duration` from now will be, if it has an end.
pub(crate) fn after(duration: Option<Duration>) -> Option<Instant> {
    Instant::now().checked_add(duration?)
}

/// # Errors
///
/// Outside of a runtime, where there are no timers: what began on one may have been taken there.
fn has_runtime() -> Result<(), Error> {
    Handle::try_current().map(drop).map_err(|_| Error::NoRuntime)
}

/// As [`deadline::within_on`], where there is a limit.
async fn within<F: Future + Unpin>(limit: Option<Until<'_>>, future: F) -> Option<F::Output> {
    match limit {
        Some((runtime, limit)) => deadline::within_on(runtime, limit, future).await,
        None => future.map(Some).await,
    }
}
