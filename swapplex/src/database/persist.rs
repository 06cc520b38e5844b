//! What becomes of a request that could not simply be sent and answered: sent again, over as many connections as it
//! takes, inside its deadline.

use std::future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::Instant;

use super::deadline::within;
use super::journey::{Company, Journey, Refused, leave_replica};
use super::local::{self, Submission, Way};
use super::not_now::NotNow;
use super::outcome::finish;
use super::request::{Finish, Request};
use super::shared::Shared;
use super::suspect::{self, Trial};
use super::ticket::{InOrder, Ticket};
use crate::command::Class;
use crate::error::{Error, NotExecuted};

/// Sends a request that has a deadline of its own, and a timer for it.
pub(crate) async fn call_within<R: Request>(
    shared: Arc<Shared>,
    request: R,
    patience: Duration,
) -> Result<R::Output, R::Error> {
    let journey = Journey::new(Instant::now(), patience);
    persist(shared, request, journey, None).await
}

/// Sends a request that nobody waits for the answer of. Resolves when it is in an outbox: many of them share a write, though
/// one task asks for one after the other.
pub(crate) async fn post(shared: &Shared, request: &impl Request, patience: Duration) -> Result<(), Error> {
    let limit = Instant::now() + patience;
    send(shared, request, false, limit, limit).await.map(drop)
}

/// Sends, waits for the answer, and starts over, until there is one or the time is up.
pub(super) async fn persist<R: Request>(
    shared: Arc<Shared>,
    mut request: R,
    mut journey: Journey,
    mut refused: Option<Refused>,
) -> Result<R::Output, R::Error> {
    loop {
        // Whoever polled it first on a runtime may go on outside of one, where there are no timers.
        if Handle::try_current().is_err() {
            return match refused {
                Some(Refused { reply, .. }) => journey.give_up(&shared, &mut request, reply),
                None => Err(journey.unsent(&shared, &request, Error::NoRuntime).into()),
            };
        }
        if let Some(earlier) = &refused
            && !journey.pause(&shared, earlier).await
            && let Some(Refused { reply, .. }) = refused.take()
        {
            return journey.give_up(&shared, &mut request, reply);
        }
        journey.fence(&shared, &request).await?;
        let limit = journey.limit;
        if journey.losses >= suspect::LOSSES {
            // What changes something must not be lost to somebody else once more: nothing fences such a connection off.
            let earlier = refused.take();
            let began = Instant::now();
            // In a box: thousands may wait for a connection in futures like this one, and hardly any is a suspect.
            let is_alone = journey.is_isolated || request.class() != Class::Read;
            let trial = Box::pin(suspect::attempt(&shared, &request, is_alone, limit)).await;
            match trial {
                Trial::Answered { reply, epoch } => match request.not_now(&reply) {
                    Some(why) => refused = Some(Refused::new(why, epoch, reply, began)),
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
        let latest = journey.latest_start(refused.as_ref());
        let is_alone = journey.company != Company::Any;
        let ticket = match send(&shared, &request, is_alone, latest, limit).await {
            Ok(ticket) => ticket,
            Err(error) => {
                return match refused {
                    Some(Refused { reply, .. }) => journey.give_up(&shared, &mut request, reply),
                    None => Err(journey.unsent(&shared, &request, error).into()),
                };
            }
        };
        let mut sent = InOrder {
            ticket,
            is_write: request.class() != Class::Read,
        };
        refused = None;
        let began = Instant::now();
        let answer = future::poll_fn(|cx| sent.ticket.poll(cx));
        match within(limit, answer).await {
            Some(Ok(reply)) => {
                if let Some(why) = request.not_now(&reply) {
                    refused = Some(Refused::new(why, sent.ticket.epoch(), reply, began));
                    continue;
                }
                if NotNow::is_read_only(&reply) {
                    leave_replica(&shared, sent.ticket.epoch());
                }
                match request.finish(reply) {
                    Finish::Done(result) => {
                        let is_to_blame = match journey.company {
                            Company::Any => false,
                            Company::None => result.as_ref().is_err_and(R::blames_key),
                            Company::TooLarge => true,
                        };
                        if is_to_blame {
                            remember(&shared, &request);
                        }
                        return result;
                    }
                    Finish::Alone(refusal) => journey = journey.alone(&shared, refusal),
                }
            }
            Some(Err(undelivered)) => journey = journey.resume(&shared, &mut request, undelivered)?,
            // It is in an outbox, and will be sent even if it was not yet.
            None => return Err(journey.late(&shared, &request, None, true).into()),
        }
    }
}

/// Puts a request into an outbox, once there is a connection and room for it, `latest` at the latest. Its answer is waited
/// for until `limit`.
async fn send(
    shared: &Shared,
    request: &impl Request,
    is_alone: bool,
    latest: Instant,
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
            Submission::NotLive(lane) => match within(latest, pin!(lane.connection())).await {
                // It may be lost again by now, or be another runtime's: look again.
                Some(Ok(_)) => {}
                Some(Err(cause)) => return Err(cause.into()),
                None => {
                    return Err(Error::NotExecuted(match lane.last_failure() {
                        Some(cause) => NotExecuted::Unreachable(cause),
                        None => NotExecuted::Timeout,
                    }));
                }
            },
            Submission::NoRoom(connection) => {
                let room = within(latest, pin!(connection.room(request.length()))).await;
                if room.is_none() {
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

/// A key that fails alone as well is the one to blame, and must not spoil the next shared command. Nor must one whose value
/// makes the answer to that too large.
fn remember(shared: &Shared, request: &impl Request) {
    if let Some(key) = request.key()
        && let Some(connection) = local::connection(shared)
    {
        connection.set_apart(key);
    }
}
