//! What becomes of a request that could not simply be sent and answered: sent again, over as many connections as it
//! takes, inside its deadline.

use std::future;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::local::{self, Submission, Way};
use super::not_now::{NotNow, pause};
use super::request::{Finish, Refusal, Request};
use super::shared::Shared;
use super::suspect::{self, Trial};
use super::ticket::Ticket;
use crate::command::Class;
use crate::error::{Error, NoReply, NotExecuted};
use crate::multiplex::{LostCause, Reason, Reply, Undelivered};
use crate::replay::{AfterDeadline, AfterLoss, Replay, after_deadline, after_loss};

/// Where a request on its way stands.
#[derive(Debug)]
pub(super) struct Journey {
    limit: Instant,
    /// It shares no command with others any more.
    is_alone: bool,
    /// Its last sending may have been executed, and changes something.
    doubt: Option<Doubt>,
    /// It only reads, and may have been executed.
    was_sent: bool,
    /// How often in a row the server has refused it for now.
    refusals: u32,
    /// How many connections in a row were lost with a part of it under way.
    losses: u32,
    /// It goes on where it can only harm itself.
    is_isolated: bool,
    /// How often it has lost a connection that it had alone, while another one lived on.
    convictions: u32,
}

/// A refusal for now, which is the answer if there is no time to ask again.
pub(super) struct Refused {
    pub(super) why: NotNow,
    /// On which connection.
    pub(super) epoch: u64,
    pub(super) reply: Reply,
}

/// What a request that may have been executed is told if nothing else is heard.
#[derive(Clone, Debug)]
struct Doubt {
    epoch: u64,
    cause: Arc<LostCause>,
    /// It is certain that it won't be executed late.
    is_fenced: bool,
}

impl Journey {
    pub(super) fn until(limit: Instant) -> Self {
        Self {
            limit,
            is_alone: false,
            doubt: None,
            was_sent: false,
            refusals: 0,
            losses: 0,
            is_isolated: false,
            convictions: 0,
        }
    }

    /// The command that it shared with others failed: it goes on alone.
    pub(super) fn alone(mut self, shared: &Shared, refusal: Refusal) -> Self {
        learn(shared, refusal);
        self.is_alone = true;
        self
    }

    /// Goes on after a loss, if it may.
    ///
    /// # Errors
    ///
    /// What its caller is told, where it is not sent again.
    pub(super) fn resume<R: Request>(
        mut self,
        shared: &Shared,
        request: &mut R,
        undelivered: Undelivered,
    ) -> Result<Self, Error> {
        let epoch = undelivered.epoch;
        let reason = undelivered.reason.clone();
        self.losses = if undelivered.accepted > 0 {
            self.losses + 1
        } else {
            0
        };
        let sent = request.resume(undelivered);
        let cause = match reason {
            Reason::Lost(cause) => cause,
            Reason::Deadline => {
                let may_have_run = sent.is_some() || request.has_begun();
                return Err(self.late(shared, request, Some(epoch), may_have_run));
            }
        };
        match after_loss(sent, level(shared, request)) {
            AfterLoss::Send => {}
            AfterLoss::SendAgain { is_fenced: false } => {
                self.was_sent = true;
                sends_again(shared, request, epoch);
            }
            AfterLoss::SendAgain { is_fenced: true } => {
                self.doubt = Some(Doubt {
                    epoch,
                    cause,
                    is_fenced: false,
                });
            }
            AfterLoss::Unknown => return Err(unknown(shared, request, epoch, cause)),
        }
        Ok(self)
    }

    /// Waits until what was sent before can no longer be executed.
    ///
    /// # Errors
    ///
    /// That the outcome is unknown, where that is not to be had.
    async fn fence(&mut self, shared: &Shared, request: &impl Request) -> Result<(), Error> {
        let Some(doubt) = self.doubt.as_mut().filter(|doubt| !doubt.is_fenced) else {
            return Ok(());
        };
        // The fence is part of the next connection's handshake.
        let connected = async { local::lane(shared)?.connection().await.map_err(Error::from) };
        if let Ok(Ok(_)) = timeout_at(self.limit, connected).await {
            match shared.fences.holds(doubt.epoch) {
                Some(true) => {
                    doubt.is_fenced = true;
                    sends_again(shared, request, doubt.epoch);
                    return Ok(());
                }
                Some(false) => shared.fences.warn(),
                // It had another runtime's connection, or one of its own, or one that was being replaced.
                None => {}
            }
        }
        Err(unknown(shared, request, doubt.epoch, Arc::clone(&doubt.cause)))
    }

    /// Waits for a better moment after a refusal; false where there is no time for that.
    async fn pause(&mut self, shared: &Shared, why: NotNow, epoch: u64) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        let Some(until) = Instant::now()
            .checked_add(pause(self.refusals))
            .filter(|until| *until < self.limit)
        else {
            return false;
        };
        match (why, local::lane(shared)) {
            (NotNow::ReadOnly, Ok(lane)) => {
                if let Some(connection) = local::connection(shared).filter(|live| live.epoch == epoch) {
                    connection.ask_renewal();
                }
                // The server may be told to take writes again, and the address may lead to another one.
                let _ = timeout_at(until, lane.replaced(epoch)).await;
            }
            _ => sleep_until(until).await,
        }
        true
    }

    /// It could not be sent (again).
    fn unsent<R: Request>(&self, shared: &Shared, request: &R, error: Error) -> Error {
        if let Some(Doubt { epoch, cause, .. }) = &self.doubt {
            return unknown(shared, request, *epoch, Arc::clone(cause));
        }
        if request.has_begun() {
            return partial(shared, request, error);
        }
        match error {
            Error::NotExecuted(NotExecuted::Timeout | NotExecuted::Unreachable(_)) if self.was_sent => {
                late(shared, request, None, true)
            }
            error => error,
        }
    }

    /// It is what breaks the connections.
    fn blamed<R: Request>(&self, shared: &Shared, request: &mut R, undelivered: Undelivered) -> Error {
        match undelivered.reason.clone() {
            Reason::Lost(cause) => breaks(shared, request, undelivered, cause, self.doubt.is_some()),
            Reason::Deadline => self.late(shared, request, Some(undelivered.epoch), true),
        }
    }

    /// It was refused, and there is no time to ask again.
    fn give_up<R: Request>(
        &self,
        shared: &Shared,
        request: &mut R,
        reply: Reply,
    ) -> Result<R::Output, R::Error> {
        match &self.doubt {
            // The refusal says nothing of the time before.
            Some(doubt) => Err(unknown(shared, request, doubt.epoch, Arc::clone(&doubt.cause)).into()),
            None => finish(request, reply),
        }
    }

    /// Its time is up.
    fn late<R: Request>(&self, shared: &Shared, request: &R, epoch: Option<u64>, may_be_sent: bool) -> Error {
        match &self.doubt {
            Some(doubt) if !may_be_sent => unknown(shared, request, doubt.epoch, Arc::clone(&doubt.cause)),
            _ => late(shared, request, epoch, may_be_sent || self.was_sent),
        }
    }
}

/// Sends a request that has a deadline of its own, and a timer for it.
pub(crate) async fn call_within<R: Request>(
    shared: Arc<Shared>,
    request: R,
    patience: Duration,
) -> Result<R::Output, R::Error> {
    let journey = Journey::until(Instant::now() + patience);
    persist(shared, request, journey, None).await
}

/// Sends a request that nobody waits for the answer of. Resolves when it is on its way.
pub(crate) async fn post(shared: &Shared, request: &impl Request, patience: Duration) -> Result<(), Error> {
    send(shared, request, false, Instant::now() + patience)
        .await
        .map(drop)
}

/// Sends, waits for the answer, and starts over, until there is one or the time is up.
pub(super) async fn persist<R: Request>(
    shared: Arc<Shared>,
    mut request: R,
    mut journey: Journey,
    mut refused: Option<Refused>,
) -> Result<R::Output, R::Error> {
    loop {
        if let Some(Refused { why, epoch, .. }) = refused
            && !journey.pause(&shared, why, epoch).await
            && let Some(Refused { reply, .. }) = refused.take()
        {
            return journey.give_up(&shared, &mut request, reply);
        }
        journey.fence(&shared, &request).await?;
        let limit = journey.limit;
        if journey.losses >= suspect::LOSSES {
            // What changes something must not be lost to somebody else once more: nothing fences such a connection off.
            let earlier = refused.take();
            // In a box: thousands may wait for a connection in futures like this one, and hardly any is a suspect.
            let trial = if journey.is_isolated || request.class() != Class::Read {
                Box::pin(suspect::try_alone(&shared, &request, limit)).await
            } else {
                Box::pin(suspect::try_together(&shared, &request, limit)).await
            };
            match trial {
                Trial::Answered { reply, epoch } => match request.not_now(&reply) {
                    Some(why) => refused = Some(Refused { why, epoch, reply }),
                    None => return finish(&mut request, reply),
                },
                Trial::Suspicious(undelivered) => {
                    journey.is_isolated = true;
                    journey = journey.resume(&shared, &mut request, undelivered)?;
                }
                Trial::Guilty(undelivered) if journey.convictions + 1 < suspect::CONVICTIONS => {
                    journey.is_isolated = true;
                    journey.convictions += 1;
                    journey = journey.resume(&shared, &mut request, undelivered)?;
                }
                Trial::Guilty(undelivered) => {
                    return Err(journey.blamed(&shared, &mut request, undelivered).into());
                }
                Trial::Lost(undelivered) => {
                    journey = journey.resume(&shared, &mut request, undelivered)?;
                }
                Trial::Late { may_be_sent } => {
                    return Err(journey.late(&shared, &request, None, may_be_sent).into());
                }
                Trial::NotSent(error) => {
                    return match earlier {
                        Some(Refused { reply, .. }) => journey.give_up(&shared, &mut request, reply),
                        None => Err(journey.unsent(&shared, &request, error).into()),
                    };
                }
            }
            continue;
        }
        let mut ticket = match send(&shared, &request, journey.is_alone, limit).await {
            Ok(ticket) => ticket,
            Err(error) => {
                return match refused {
                    Some(Refused { reply, .. }) => journey.give_up(&shared, &mut request, reply),
                    None => Err(journey.unsent(&shared, &request, error).into()),
                };
            }
        };
        refused = None;
        let answer = future::poll_fn(|cx| ticket.poll(cx));
        match timeout_at(limit, answer).await {
            Ok(Ok(reply)) => {
                if let Some(why) = request.not_now(&reply) {
                    let epoch = ticket.epoch();
                    refused = Some(Refused { why, epoch, reply });
                    continue;
                }
                match request.finish(reply) {
                    Finish::Done(result) => {
                        if journey.is_alone && result.as_ref().is_err_and(R::blames_key) {
                            remember(&shared, &request);
                        }
                        return result;
                    }
                    Finish::Alone(refusal) => journey = journey.alone(&shared, refusal),
                }
            }
            Ok(Err(undelivered)) => journey = journey.resume(&shared, &mut request, undelivered)?,
            // It is in an outbox, and will be sent even if it was not yet.
            Err(_) => return Err(journey.late(&shared, &request, None, true).into()),
        }
    }
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
                Ok(Err(cause)) => return Err(cause.into()),
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
                if !connection.is_lost() {
                    // At once, before others take the room.
                    continue;
                }
            }
        }
        // The next connection may be lost at once as well: the other tasks must get on meanwhile.
        tokio::task::yield_now().await;
    }
}

/// The answer to a request that shares no command, or whose command is refused.
pub(super) fn finish<R: Request>(request: &mut R, reply: Reply) -> Result<R::Output, R::Error> {
    match request.finish(reply) {
        Finish::Done(result) => result,
        Finish::Alone(_) => unreachable!("nothing is wrong with what it shares"),
    }
}

/// Notes that what was under way on the connection of this epoch is sent again.
fn sends_again(shared: &Shared, request: &impl Request, epoch: u64) {
    shared.counters().replays.add(1);
    tracing::debug!(target: "swapplex::replay", command = %request.name(), epoch, "sent again");
}

fn level(shared: &Shared, request: &impl Request) -> Replay {
    request.replay().unwrap_or(shared.settings().replay)
}

/// What becomes of a request that had a connection of its own: `Ok` sends it again.
///
/// Only reads, of what was sent, since nothing fences such a connection off.
pub(super) fn retry_apart(
    shared: &Shared,
    request: &mut impl Request,
    undelivered: Undelivered,
) -> Result<(), Error> {
    let (reason, epoch) = (undelivered.reason.clone(), undelivered.epoch);
    let sent = request.resume(undelivered);
    let cause = match reason {
        Reason::Lost(cause) => cause,
        Reason::Deadline => {
            let may_be_sent = sent.is_some() || request.has_begun();
            return Err(late(shared, request, Some(epoch), may_be_sent));
        }
    };
    match after_loss(sent, level(shared, request)) {
        AfterLoss::Send => Ok(()),
        AfterLoss::SendAgain { is_fenced: false } => {
            sends_again(shared, request, epoch);
            Ok(())
        }
        AfterLoss::SendAgain { is_fenced: true } | AfterLoss::Unknown => {
            Err(unknown(shared, request, epoch, cause))
        }
    }
}

/// It is what breaks the connections. With `is_doubtful`, it may have been executed earlier.
pub(super) fn breaks<R: Request>(
    shared: &Shared,
    request: &mut R,
    undelivered: Undelivered,
    cause: Arc<LostCause>,
    is_doubtful: bool,
) -> Error {
    let epoch = undelivered.epoch;
    let is_sent = request.resume(undelivered).is_some();
    if !is_sent && !is_doubtful && !request.has_begun() {
        return Error::NotExecuted(NotExecuted::Breaks(cause));
    }
    shared.counters().unknown_outcomes.add(1);
    Error::OutcomeUnknown {
        command: request.name().into(),
        epoch: Some(epoch),
        cause: NoReply::Breaks(cause),
    }
}

/// It was sent, and its connection was lost.
pub(super) fn unknown(shared: &Shared, request: &impl Request, epoch: u64, cause: Arc<LostCause>) -> Error {
    shared.counters().unknown_outcomes.add(1);
    Error::OutcomeUnknown {
        command: request.name().into(),
        epoch: Some(epoch),
        cause: NoReply::Lost(cause),
    }
}

/// Its time is up.
pub(super) fn late(shared: &Shared, request: &impl Request, epoch: Option<u64>, may_be_sent: bool) -> Error {
    let sent = may_be_sent.then(|| request.class());
    match after_deadline(sent) {
        AfterDeadline::NotExecuted => Error::NotExecuted(NotExecuted::Timeout),
        AfterDeadline::Timeout => Error::Timeout {
            command: request.name().into(),
        },
        AfterDeadline::Unknown => {
            shared.counters().unknown_outcomes.add(1);
            Error::OutcomeUnknown {
                command: request.name().into(),
                epoch,
                cause: NoReply::Timeout,
            }
        }
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
