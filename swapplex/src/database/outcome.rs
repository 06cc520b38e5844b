//! What a request's caller is told in the end, and whether that is the end.

use std::sync::Arc;

use super::request::{Finish, Request};
use super::shared::Shared;
use crate::error::{Error, NoReply, NotExecuted};
use crate::multiplex::{LostCause, Reason, Reply, Undelivered};
use crate::replay::{AfterDeadline, AfterLoss, Replay, after_deadline, after_loss};

/// The answer to a request that shares no command, or whose command is refused.
pub(super) fn finish<R: Request>(request: &mut R, reply: Reply) -> Result<R::Output, R::Error> {
    match request.finish(reply) {
        Finish::Done(result) => result,
        Finish::Alone(_) => unreachable!("nothing is wrong with what it shares"),
    }
}

/// Notes that what was under way on the connection of this epoch is sent again.
pub(super) fn sends_again(shared: &Shared, request: &impl Request, epoch: u64) {
    shared.counters().replays.add(1);
    tracing::debug!(target: "swapplex::replay", command = %request.name(), epoch, "sent again");
}

pub(super) fn level(shared: &Shared, request: &impl Request) -> Replay {
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
            unreachable: None,
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
