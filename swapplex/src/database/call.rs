//! One request from its first poll to its answer, over as many connections as that takes.

use std::future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, timeout_at};

use super::Handle;
use super::local::{self, Submission, Way};
use super::request::{Finish, Refusal, Request, Resume};
use super::shared::Shared;
use super::ticket::Ticket;
use crate::error::{Error, NoReply, NotExecuted};
use crate::multiplex::{Reason, Reply, Undelivered};

/// A request on its way. Sent when first polled.
///
/// While all is well this neither allocates nor arms a timer. What happens once something is not well, [`persist`],
/// is put into a box then.
#[must_use = "a request is sent when its future is polled"]
pub(crate) struct Call<'a, H, R: Request> {
    handle: H,
    /// Until it is handed over to [`persist`]. Stays where it is meanwhile: it is large, and polls are many.
    request: Option<R>,
    state: State<'a, R>,
}

enum State<'a, R: Request> {
    New,
    Sent(Ticket),
    Persisting(BoxFuture<'a, Result<R::Output, R::Error>>),
    Done,
}

const KEPT: &str = "a request is kept until it is handed over";

/// Where a request that could not simply be sent and answered stands.
struct Journey {
    /// When it was first sent, or tried to be.
    start: Instant,
    is_alone: bool,
}

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Call<'a, H, R> {
    pub(crate) fn new(handle: H, request: R) -> Self {
        Self {
            handle,
            request: Some(request),
            state: State::New,
        }
    }

    /// Looks for an answer to what was sent; `None` where the request has to be sent again.
    fn settle(
        &mut self,
        ticket: &Ticket,
        result: Result<Reply, Undelivered>,
    ) -> Result<Result<R::Output, R::Error>, Journey> {
        let shared = self.handle.shared();
        let request = self.request.as_mut().expect(KEPT);
        match result {
            Ok(reply) => match request.finish(reply) {
                Finish::Done(result) => Ok(result),
                Finish::Alone(refusal) => {
                    learn(shared, refusal);
                    Err(Journey {
                        start: ticket.opened(),
                        is_alone: true,
                    })
                }
            },
            Err(undelivered) => {
                let start = undelivered.opened;
                match retry(shared, request, undelivered) {
                    Ok(()) => Err(Journey {
                        start,
                        is_alone: false,
                    }),
                    Err(error) => Ok(Err(error.into())),
                }
            }
        }
    }

    fn persist(&mut self, journey: &Journey) -> BoxFuture<'a, Result<R::Output, R::Error>> {
        let request = self.request.take().expect(KEPT);
        let shared = Arc::clone(self.handle.shared());
        let limit = journey.start + shared.settings().command_timeout;
        Box::pin(persist(shared, request, journey.is_alone, limit))
    }
}

// Nothing in here is pinned but the box.
impl<H, R: Request> Unpin for Call<'_, H, R> {}

impl<'a, H: Handle, R: Request + Send + Sync + 'a> Future for Call<'a, H, R> {
    type Output = Result<R::Output, R::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let journey = match &mut this.state {
            State::New => {
                let request = this.request.as_ref().expect(KEPT);
                match local::submit(this.handle.shared(), request, Way::Usual, cx.waker()) {
                    Ok(Submission::Queued(ticket)) => {
                        this.state = State::Sent(ticket);
                        // Not looked at yet: the waker is in the slot, so an answer that is there already has woken it.
                        return Poll::Pending;
                    }
                    Ok(Submission::NotLive(_) | Submission::NoRoom(_)) => Journey {
                        start: Instant::now(),
                        is_alone: false,
                    },
                    Err(error) => {
                        this.state = State::Done;
                        return Poll::Ready(Err(error.into()));
                    }
                }
            }
            State::Sent(ticket) => {
                let result = ready!(ticket.poll(cx));
                let State::Sent(ticket) = mem::replace(&mut this.state, State::Done) else {
                    unreachable!("it was just looked at")
                };
                match this.settle(&ticket, result) {
                    Ok(result) => return Poll::Ready(result),
                    Err(journey) => journey,
                }
            }
            State::Persisting(future) => {
                let result = ready!(future.as_mut().poll(cx));
                this.state = State::Done;
                return Poll::Ready(result);
            }
            State::Done => panic!("a request was polled after it was answered"),
        };
        let mut future = this.persist(&journey);
        let result = future.as_mut().poll(cx);
        this.state = if result.is_pending() {
            State::Persisting(future)
        } else {
            State::Done
        };
        result
    }
}

/// Sends a request that has a deadline of its own, and a timer for it.
pub(crate) async fn call_within<R: Request>(
    shared: Arc<Shared>,
    request: R,
    patience: Duration,
) -> Result<R::Output, R::Error> {
    persist(shared, request, false, Instant::now() + patience).await
}

/// Sends, waits for the answer, and starts over, until there is one or the time is up.
async fn persist<R: Request>(
    shared: Arc<Shared>,
    mut request: R,
    mut is_alone: bool,
    limit: Instant,
) -> Result<R::Output, R::Error> {
    loop {
        let mut ticket = match send(&shared, &request, is_alone, limit).await {
            Ok(ticket) => ticket,
            Err(error) if request.has_begun() => return Err(partial(&shared, &request, error).into()),
            Err(error) => return Err(error.into()),
        };
        let answer = future::poll_fn(|cx| ticket.poll(cx));
        match timeout_at(limit, answer).await {
            Ok(Ok(reply)) => match request.finish(reply) {
                Finish::Done(result) => {
                    if is_alone && result.as_ref().is_err_and(R::blames_key) {
                        remember(&shared, &request);
                    }
                    return result;
                }
                Finish::Alone(refusal) => {
                    learn(&shared, refusal);
                    is_alone = true;
                }
            },
            Ok(Err(undelivered)) => retry(&shared, &mut request, undelivered)?,
            // It is in an outbox, and will be sent even if it was not yet.
            Err(_) => return Err(late(&shared, &request, None, true).into()),
        }
    }
}

/// Sends a request that nobody waits for the answer of. Resolves when it is on its way.
pub(crate) async fn post(shared: &Shared, request: &impl Request, patience: Duration) -> Result<(), Error> {
    send(shared, request, false, Instant::now() + patience)
        .await
        .map(drop)
}

/// Puts a request into an outbox, once there is a connection and room for it.
async fn send(
    shared: &Shared,
    request: &impl Request,
    is_alone: bool,
    limit: Instant,
) -> Result<Ticket, Error> {
    let patience = shared.settings().command_timeout;
    loop {
        let longer = limit
            .saturating_duration_since(Instant::now())
            .saturating_sub(patience);
        let way = if longer.is_zero() {
            if is_alone { Way::Alone } else { Way::Usual }
        } else {
            Way::Longer(longer)
        };
        let submission =
            future::poll_fn(|cx| Poll::Ready(local::submit(shared, request, way, cx.waker()))).await?;
        match submission {
            Submission::Queued(ticket) => return Ok(ticket),
            Submission::NotLive(lane) => match timeout_at(limit, lane.connection()).await {
                // It may be lost again by now, or be another runtime's: look again.
                Ok(Ok(_)) => {}
                Ok(Err(cause)) => return Err(Error::NotExecuted(NotExecuted::Connect(cause))),
                Err(_) => {
                    return Err(Error::NotExecuted(match lane.last_failure() {
                        Some(cause) => NotExecuted::Unreachable(cause),
                        None => NotExecuted::Timeout,
                    }));
                }
            },
            Submission::NoRoom(connection) => {
                if timeout_at(limit, connection.room(request.length()))
                    .await
                    .is_err()
                {
                    return Err(Error::NotExecuted(NotExecuted::Timeout));
                }
            }
        }
        // The next connection may be lost at once as well: the other tasks must get on meanwhile.
        tokio::task::yield_now().await;
    }
}

/// Decides what becomes of a request that was not answered: `Ok` sends it again.
pub(super) fn retry(
    shared: &Shared,
    request: &mut impl Request,
    undelivered: Undelivered,
) -> Result<(), Error> {
    let (reason, epoch) = (undelivered.reason.clone(), Some(undelivered.epoch));
    let resume = request.resume(undelivered);
    match (reason, resume) {
        (Reason::Deadline, resume) => {
            let may_be_sent = resume != Resume::Unsent || request.has_begun();
            Err(late(shared, request, epoch, may_be_sent))
        }
        (Reason::Lost(_), Resume::Unsent) => Ok(()),
        (Reason::Lost(_), Resume::Repeat) => {
            shared.counters().replays.add(1);
            tracing::debug!(target: "swapplex::replay", command = %request.name(), epoch, "sent again");
            Ok(())
        }
        (Reason::Lost(cause), Resume::Unknown) => {
            shared.counters().unknown_outcomes.add(1);
            Err(Error::OutcomeUnknown {
                command: request.name().into(),
                epoch,
                cause: NoReply::Lost(cause),
            })
        }
    }
}

pub(super) fn late(shared: &Shared, request: &impl Request, epoch: Option<u64>, may_be_sent: bool) -> Error {
    if !may_be_sent {
        return Error::NotExecuted(NotExecuted::Timeout);
    }
    let command = request.name().into();
    if request.only_reads() {
        return Error::Timeout { command };
    }
    shared.counters().unknown_outcomes.add(1);
    Error::OutcomeUnknown {
        command,
        epoch,
        cause: NoReply::Timeout,
    }
}

/// The rest of a request could not be sent, but its beginning has been executed.
pub(super) fn partial(shared: &Shared, request: &impl Request, error: Error) -> Error {
    shared.counters().unknown_outcomes.add(1);
    Error::OutcomeUnknown {
        command: request.name().into(),
        epoch: None,
        cause: NoReply::Partial(Box::new(error)),
    }
}

/// A shared command failed for what it was; the next ones must not.
fn learn(shared: &Shared, refusal: Refusal) {
    if refusal == Refusal::Grouping
        && let Some(connection) = local::connection(shared)
    {
        connection.stop_grouping();
    }
}

/// A key that fails alone as well is the one to blame, and must not spoil the next shared command.
fn remember(shared: &Shared, request: &impl Request) {
    if let Some(key) = request.key()
        && let Some(connection) = local::connection(shared)
    {
        connection.set_apart(key);
    }
}
