//! Where a request stands that could not simply be sent and answered, and what it is told where it ends.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::deadline::within;
use super::local;
use super::not_now::{NotNow, latest_start, pause};
use super::outcome::{breaks, finish, late, level, partial, sends_again, unknown};
use super::request::{Refusal, Request};
use super::shared::Shared;
use crate::error::{Error, NotExecuted};
use crate::multiplex::{LostCause, Reason, Reply, Undelivered};
use crate::replay::{AfterLoss, after_loss};
use crate::resp::ProtocolError;

/// Has a connection replaced whose server says that it is a replica: the address may lead to the primary by now.
pub(super) fn leave_replica(shared: &Shared, epoch: u64) {
    if let Some(connection) = local::connection(shared).filter(|live| live.epoch == epoch) {
        connection.ask_renewal();
    }
}

/// Where a request on its way stands.
#[derive(Debug)]
pub(super) struct Journey {
    pub(super) limit: Instant,
    /// How long it may take in all.
    patience: Duration,
    pub(super) company: Company,
    /// Its last sending may have been executed, and changes something.
    doubt: Option<Doubt>,
    /// It only reads, and may have been executed.
    was_sent: bool,
    /// How often in a row the server has refused it for now.
    refusals: u32,
    /// How many connections in a row were lost with a part of it under way.
    pub(super) losses: u32,
    /// It goes on where it can only harm itself.
    pub(super) is_isolated: bool,
    /// How often it has lost a connection that it had alone, while another one lived on.
    pub(super) convictions: u32,
}

/// Whether a request shares a command with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    /// It may, if it is of that kind.
    Any,
    /// Not any more: the command that it shared failed.
    None,
    /// Nor does its key any more: a command that it may have shared was answered with more than a reply may have.
    TooLarge,
}

/// A refusal for now, which is the answer if there is no time to ask again.
pub(super) struct Refused {
    why: NotNow,
    /// On which connection.
    epoch: u64,
    pub(super) reply: Reply,
    /// How long the attempt took.
    took: Duration,
}

impl Refused {
    /// `began` is when the attempt did.
    pub(super) fn new(why: NotNow, epoch: u64, reply: Reply, began: Instant) -> Self {
        Self {
            why,
            epoch,
            reply,
            took: began.elapsed(),
        }
    }
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
    pub(super) fn new(start: Instant, patience: Duration) -> Self {
        Self {
            limit: start + patience,
            patience,
            company: Company::Any,
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
        self.company = Company::None;
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
        if self.company == Company::Any
            && request.key().is_some()
            && matches!(*cause, LostCause::Protocol(ProtocolError::TooLarge))
        {
            self.company = Company::TooLarge;
        }
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
    pub(super) async fn fence(&mut self, shared: &Shared, request: &impl Request) -> Result<(), Error> {
        let Some(doubt) = self.doubt.as_mut().filter(|doubt| !doubt.is_fenced) else {
            return Ok(());
        };
        // The fence is part of the next connection's handshake.
        let connected = async { local::lane(shared)?.connection().await.map_err(Error::from) };
        if let Some(Ok(_)) = within(self.limit, pin!(connected)).await {
            match shared.fences.holds(doubt.epoch) {
                Some(true) => {
                    doubt.is_fenced = true;
                    sends_again(shared, request, doubt.epoch);
                    return Ok(());
                }
                Some(false) => shared.fences.warn(shared.destination.source.title()),
                // It had another runtime's connection, or one of its own, or one that was being replaced.
                None => {}
            }
        }
        Err(unknown(shared, request, doubt.epoch, Arc::clone(&doubt.cause)))
    }

    /// When its next attempt has to begin at the latest.
    pub(super) fn latest_start(&self, refused: Option<&Refused>) -> Instant {
        let Some(Refused { took, .. }) = refused else {
            return self.limit;
        };
        latest_start(self.limit, *took, self.patience)
    }

    /// Waits for a better moment after a refusal; false where there is no time for that.
    pub(super) async fn pause(&mut self, shared: &Shared, refused: &Refused) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        let latest = self.latest_start(Some(refused));
        let Some(until) = Instant::now()
            .checked_add(pause(self.refusals))
            .filter(|until| *until < latest)
        else {
            return false;
        };
        match (refused.why, local::lane(shared)) {
            (NotNow::ReadOnly, Ok(lane)) => {
                let epoch = refused.epoch;
                leave_replica(shared, epoch);
                // The server may be told to take writes again, and the address may lead to another one.
                within(until, pin!(lane.replaced(epoch))).await;
            }
            (NotNow::Loading, Ok(lane)) => lane.pause_until(until).await,
            (_, Err(_)) => {}
        }
        Instant::now() < latest
    }

    /// It could not be sent (again).
    pub(super) fn unsent<R: Request>(&self, shared: &Shared, request: &R, error: Error) -> Error {
        if let Some(Doubt { epoch, cause, .. }) = &self.doubt {
            return unknown(shared, request, *epoch, Arc::clone(cause));
        }
        if request.has_begun() {
            return partial(shared, request, error);
        }
        let cause = match error {
            Error::NotExecuted(NotExecuted::Timeout) if self.was_sent => None,
            Error::NotExecuted(NotExecuted::Unreachable(cause)) if self.was_sent => Some(cause),
            error => return error,
        };
        let mut late = late(shared, request, None, true);
        if let Error::Timeout { unreachable, .. } = &mut late {
            *unreachable = cause;
        }
        late
    }

    /// It is what breaks the connections.
    pub(super) fn blamed<R: Request>(
        &self,
        shared: &Shared,
        request: &mut R,
        undelivered: Undelivered,
    ) -> Error {
        match undelivered.reason.clone() {
            Reason::Lost(cause) => breaks(shared, request, undelivered, cause, self.doubt.is_some()),
            Reason::Deadline => self.late(shared, request, Some(undelivered.epoch), true),
        }
    }

    /// It was refused, and there is no time to ask again.
    pub(super) fn give_up<R: Request>(
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
    pub(super) fn late<R: Request>(
        &self,
        shared: &Shared,
        request: &R,
        epoch: Option<u64>,
        may_be_sent: bool,
    ) -> Error {
        match &self.doubt {
            Some(doubt) if !may_be_sent => unknown(shared, request, doubt.epoch, Arc::clone(&doubt.cause)),
            _ => late(shared, request, epoch, may_be_sent || self.was_sent),
        }
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
