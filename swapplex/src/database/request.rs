//! What a request must be able to do to travel.

use std::task::Poll;

use bytes::Bytes;

use super::not_now::NotNow;
use crate::command::Class;
use crate::error::Error;
use crate::multiplex::{Ask, Reply, Undelivered};
use crate::replay::Replay;

/// Something to send, that keeps what it takes to be sent again.
pub(crate) trait Request {
    /// What the caller gets.
    type Output;
    /// What the caller gets where there is none.
    type Error: From<Error>;

    /// Whether most answers to it are [values](Reply::Bulk), elements of replies to shared commands: those are looked for
    /// first.
    const EXPECTS_VALUE: bool = false;

    /// The key, if the request may share a command with others of its kind.
    fn key(&self) -> Option<&[u8]> {
        None
    }

    /// Whether an error that it got alone is about its key, and would be that of every command that shares it.
    fn blames_key(_: &Self::Error) -> bool {
        false
    }

    /// How many bytes it has on the wire, about.
    fn length(&self) -> usize;

    /// Gives itself to an outbox; with `is_grouped`, for a command shared with others.
    fn ask<R>(&self, is_grouped: bool, give: impl FnOnce(Ask<'_>) -> R) -> R;

    /// The name to show in errors.
    fn name(&self) -> String;

    /// What running it twice would do: the worst of all that is in it.
    fn class(&self) -> Class;

    /// What may be sent again, where that is not the client's own level.
    fn replay(&self) -> Option<Replay> {
        None
    }

    /// Whether a part of it was executed already that changes something, so that it cannot be called not executed.
    fn has_begun(&self) -> bool {
        false
    }

    /// Keeps what was answered, and says of the rest what running it twice would do: the worst of what may have been
    /// executed, or `None` where nothing can have been.
    fn resume(&mut self, undelivered: Undelivered) -> Option<Class> {
        undelivered.is_sent().then(|| self.class())
    }

    /// Whether the server has refused to execute it for now. Keeps what else was answered.
    fn not_now(&mut self, reply: &Reply) -> Option<NotNow> {
        NotNow::of(reply, || false)
    }

    /// Makes the caller's answer of the server's.
    fn finish(&mut self, reply: Reply) -> Finish<Self::Output, Self::Error>;

    /// The same of a value, where the request [expects](Self::EXPECTS_VALUE) one. Made as a poll returns it, so that it is
    /// not copied once more.
    fn finish_value(&mut self, value: Bytes) -> Poll<Result<Self::Output, Self::Error>> {
        match self.finish(Reply::Bulk(value)) {
            Finish::Done(result) => Poll::Ready(result),
            Finish::Alone(_) => unreachable!("a value is no refusal"),
        }
    }
}

/// What an answer leads to.
#[derive(Debug)]
pub(crate) enum Finish<T, E> {
    Done(Result<T, E>),
    /// The command that was shared with others failed: ask again, alone.
    Alone(Refusal),
}

/// What a failed shared command says about the next ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Something about its keys.
    Keys,
    /// This server does not let keys share commands.
    Grouping,
}
