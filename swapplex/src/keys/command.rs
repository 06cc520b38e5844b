//! A command on a key, encoded when it is made.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use redis::{ErrorKind, RedisError, ServerError, Value};

use super::field::FieldRequest;
use super::reply::{self, Unfit};
use super::server_error::Asked;
use crate::argument::Argument;
use crate::command::Class;
use crate::database::{Call, Database, Finish, NotNow, Place, Request};
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::resp;

/// The future of a command on a [`Key`](super::Key). Sent when it is first polled.
///
/// # Errors
///
/// [`Error::NotExecuted`] where no connection could be had in time, [`Error::Timeout`] where no answer came in time,
/// [`Error::Redis`] where the server answered with an error (`WRONGTYPE`, where the key holds another type), to which the
/// command and the key are added,
/// [`Error::Decode`] where a value is not what the key's type says, [`Error::Encode`] where a value cannot be encoded,
/// and [`Error::OutcomeUnknown`] where the command was sent, no answer came, and it could not be sent again.
///
/// Whether it is sent again where a connection is lost is up to the client's [`Replay`](crate::Replay) level. By default, what
/// returns nothing, or only reads, is; "not sent twice" in a method's documentation means that this takes a higher level.
///
/// # Panics
///
/// When polled after it was ready.
///
/// # Cancel safety
///
/// Dropping it before its first poll does nothing; after that, the command may still be executed.
#[must_use = "a command is sent when its future is polled"]
pub struct Command<T: 'static, D: Database> {
    state: State<T, D>,
}

enum State<T: 'static, D: Database> {
    Call(Call<'static, Place<D>, KeyRequest<T>>),
    /// Shares a command with others.
    Field(Call<'static, Place<D>, FieldRequest<T>>),
    /// There is nothing to send.
    Ready(Option<Result<T, Error>>),
}

impl<T: 'static, D: Database> Command<T, D> {
    pub(super) fn ready(result: Result<T, Error>) -> Self {
        Self {
            state: State::Ready(Some(result)),
        }
    }
}

// Nothing in here is pinned: a `Call` is `Unpin`, and a `T` is only handed out.
impl<T: 'static, D: Database> Unpin for Command<T, D> {}

impl<T: 'static, D: Database> Future for Command<T, D> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.get_mut().state {
            State::Call(call) => Pin::new(call).poll(cx),
            State::Field(call) => Pin::new(call).poll(cx),
            State::Ready(result) => {
                Poll::Ready(result.take().expect("a command was polled after it was ready"))
            }
        }
    }
}

impl<T: 'static, D: Database> fmt::Debug for Command<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").finish_non_exhaustive()
    }
}

/// One command as it goes onto the wire: its arguments, encoded one after the other.
#[derive(Clone, Debug)]
pub(super) struct Line {
    arguments: Vec<u8>,
    count: usize,
}

impl Line {
    pub(super) fn new(name: &str) -> Self {
        let mut line = Self::empty();
        line.push(name.as_bytes());
        line
    }

    pub(super) fn empty() -> Self {
        Self {
            arguments: Vec::with_capacity(128),
            count: 0,
        }
    }

    pub(super) fn push(&mut self, argument: &[u8]) {
        resp::bulk(&mut self.arguments, argument);
        self.count += 1;
    }

    pub(super) fn number(&mut self, number: impl fmt::Display) {
        self.push(number.to_string().as_bytes());
    }

    fn write(&self, out: &mut Vec<u8>) {
        resp::array_header(out, self.count);
        out.extend_from_slice(&self.arguments);
    }
}

/// What reads an answer.
pub(super) type Read<T> = fn(Value) -> Result<T, Unfit>;

impl<T: 'static, D: Database> Command<T, D> {
    pub(super) fn field(place: &Place<D>, request: FieldRequest<T>) -> Self {
        Self {
            state: State::Field(Call::new(place.clone(), request)),
        }
    }

    pub(super) fn call(place: &Place<D>, request: KeyRequest<T>) -> Self {
        Self {
            state: State::Call(Call::new(place.clone(), request)),
        }
    }
}

pub(super) struct KeyRequest<T> {
    /// To be named in errors.
    pub(super) key: Argument,
    pub(super) lines: Vec<Line>,
    pub(super) name: std::borrow::Cow<'static, str>,
    pub(super) class: Class,
    /// Some of it, or all, is there to set the key's `ttl`.
    pub(super) is_for_ttl: bool,
    pub(super) read: Read<T>,
}

impl<T> KeyRequest<T> {
    fn is_atomic(&self) -> bool {
        self.lines.len() > 1
    }

    fn refused(&self, error: ServerError) -> Error {
        let asked = Asked {
            command: &self.name,
            key: self.key.as_bytes(),
            is_for_ttl: self.is_for_ttl,
        };
        asked.error(error)
    }

    fn read(&self, frame: &Bytes) -> Result<T, Error> {
        match resp::decode(frame)? {
            Value::ServerError(error) => Err(self.refused(error)),
            value => (self.read)(value).map_err(|unfit| unfit.into_error(self.key.as_bytes())),
        }
    }

    /// The last answer of a transaction, unless it or another one is an error.
    fn conclude(&self, frames: &[Bytes]) -> Result<T, Error> {
        let mut refused = None;
        let (last, queued) = frames.split_last().ok_or_else(|| surprise("no reply"))?;
        for frame in queued {
            if let Value::ServerError(error) = resp::decode(frame)? {
                // The first says why; `EXEC` will only say that there was one.
                refused.get_or_insert(error);
            }
        }
        if let Some(error) = refused {
            return Err(self.refused(error));
        }
        let replies = match resp::decode(last)? {
            Value::Array(replies) => replies,
            Value::ServerError(error) => return Err(self.refused(error)),
            _ => return Err(surprise("a transaction without replies")),
        };
        let mut answer = Value::Nil;
        for reply in replies {
            match reply::bare(reply) {
                Value::ServerError(error) => return Err(self.refused(error)),
                reply => answer = reply,
            }
        }
        (self.read)(answer).map_err(|unfit| unfit.into_error(self.key.as_bytes()))
    }
}

impl<T> Request for KeyRequest<T> {
    type Output = T;
    type Error = Error;

    fn length(&self) -> usize {
        self.lines
            .iter()
            .map(|line| 16 + line.arguments.len())
            .sum::<usize>()
            + if self.is_atomic() { 32 } else { 0 }
    }

    fn ask<R>(&self, _: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let is_atomic = self.is_atomic();
        let mut encode = |out: &mut Vec<u8>| {
            if is_atomic {
                resp::command(out, &[b"MULTI"]);
            }
            for line in &self.lines {
                line.write(out);
            }
            if is_atomic {
                resp::command(out, &[b"EXEC"]);
            }
        };
        let replies = if is_atomic { self.lines.len() + 2 } else { 1 };
        give(Ask::Plain {
            encode: &mut encode,
            replies,
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    // A transaction counts as sent when its last byte, `EXEC`'s, is: before that nothing of it runs.
    fn class(&self) -> Class {
        self.class
    }

    fn not_now(&mut self, reply: &Reply) -> Option<NotNow> {
        match reply {
            Reply::Frames(frames) => NotNow::of_transaction(frames),
            reply => NotNow::of_own_script(reply),
        }
    }

    fn finish(&mut self, reply: Reply) -> Finish<T, Error> {
        Finish::Done(match reply {
            Reply::Frame(frame) => self.read(&frame),
            Reply::Frames(frames) => self.conclude(&frames),
            Reply::Bulk(_) | Reply::Nil | Reply::Refused(_) | Reply::Mismatch { .. } => {
                unreachable!("a command of its own has a reply of its own")
            }
        })
    }
}

fn surprise(what: &'static str) -> Error {
    Error::Redis(Arc::new(RedisError::from((
        ErrorKind::UnexpectedReturnType,
        "the server's answer does not fit the command",
        what.into(),
    ))))
}
