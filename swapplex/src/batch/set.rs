use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use redis::{ToSingleRedisArg, Value};

use super::answer;
use super::plain::for_plain_keys;
use crate::argument::Argument;
use crate::command::Class;
use crate::database::{Call, EnvConnection, Finish, Handle, Request, Static};
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::resp;

/// Something that [`set`](crate::set) can set to a value `V`: a key, and how its values are written.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be set to a `{V}`",
    label = "expected a key that takes such a value",
    note = "a typed key takes a reference to its value: `(key, &value)`",
    note = "untyped keys are text or bytes, and take what redis-rs takes for one argument; of a `Bytes`, that is `&value[..]`"
)]
pub trait Assign<V> {
    /// Reaches the database that it is in, where nothing else is said.
    type Handle: Handle;

    /// The key with its encoded value, and the database that it is in.
    fn assign(self, value: V) -> (Assignment, Self::Handle);
}

/// A key and its value to be, ready to be sent.
#[derive(Debug)]
pub struct Assignment(Result<SetRequest, Error>);

impl Assignment {
    /// Sets `key` to the bytes of `value`.
    pub fn new(key: impl Into<Argument>, value: impl Into<Argument>) -> Self {
        Self::with_ttl(key.into(), value.into(), None)
    }

    pub(crate) fn with_ttl(key: Argument, value: Argument, ttl: Option<u64>) -> Self {
        Self(Ok(SetRequest { key, value, ttl }))
    }

    pub(crate) fn failed(error: Error) -> Self {
        Self(Err(error))
    }

    /// The key, unless the value has no encoded form.
    pub(super) fn key(&self) -> Option<&[u8]> {
        self.0.as_ref().ok().map(|request| request.key.as_bytes())
    }

    #[cfg(test)]
    pub(super) fn value(&self) -> Option<&[u8]> {
        self.0.as_ref().ok().map(|request| request.value.as_bytes())
    }
}

macro_rules! assign {
    ($([$($generics:tt)*] $key:ty),* $(,)?) => {$(
        /// Sets a key to what redis-rs makes of the value.
        impl<$($generics)* V: ToSingleRedisArg> Assign<V> for $key {
            type Handle = Static<EnvConnection>;

            fn assign(self, value: V) -> (Assignment, Self::Handle) {
                (Assignment::new(self, Argument::of(&value)), Static::new())
            }
        }
    )*};
}

for_plain_keys!(assign);

/// The future of a [`set`](crate::set).
#[must_use = "a set is sent when its future is polled"]
pub struct Set<H: Handle> {
    call: Result<Call<'static, H, SetRequest>, Option<Error>>,
}

impl<H: Handle> Set<H> {
    pub(crate) fn new(handle: H, assignment: Assignment) -> Self {
        Self {
            call: assignment
                .0
                .map(|request| Call::new(handle, request))
                .map_err(Some),
        }
    }
}

impl<H: Handle> Future for Set<H> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.call {
            Ok(call) => Pin::new(call).poll(cx),
            Err(error) => Poll::Ready(Err(error.take().expect("a set was polled after it was ready"))),
        }
    }
}

impl<H: Handle> fmt::Debug for Set<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct SetRequest {
    key: Argument,
    value: Argument,
    /// In milliseconds. An `MSET` has none, so such a key travels alone.
    ttl: Option<u64>,
}

impl Request for SetRequest {
    type Output = ();
    type Error = Error;

    fn key(&self) -> Option<&[u8]> {
        self.ttl.is_none().then(|| self.key.as_bytes())
    }

    fn blames_key(error: &Error) -> bool {
        answer::is_denial(error)
    }

    fn length(&self) -> usize {
        48 + self.key.as_bytes().len() + self.value.as_bytes().len()
    }

    fn ask<R>(&self, is_grouped: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let (key, value) = (self.key.as_bytes(), self.value.as_bytes());
        if is_grouped {
            return give(Ask::Set { key, value });
        }
        let ttl = self.ttl.map(|ttl| ttl.to_string());
        give(Ask::Plain {
            encode: &mut |out| match &ttl {
                None => resp::command(out, &[b"SET", key, value]),
                Some(ttl) => resp::command(out, &[b"SET", key, value, b"PX", ttl.as_bytes()]),
            },
            replies: 1,
        })
    }

    fn name(&self) -> String {
        "SET".into()
    }

    fn class(&self) -> Class {
        // With a TTL too: the table says so of `SET` with `PX`.
        Class::Idempotent
    }

    fn finish(&mut self, reply: Reply) -> Finish<(), Error> {
        Finish::Done(match reply {
            Reply::Frame(frame) => match resp::decode(&frame) {
                Ok(Value::Okay) => Ok(()),
                _ => Err(answer::server_error(&frame)),
            },
            Reply::Refused(frame) => match answer::refusal(&frame, "mset") {
                Ok(refusal) => return Finish::Alone(refusal),
                Err(error) => Err(error),
            },
            Reply::Mismatch { keys, answers } => Err(answer::mismatch(keys, answers)),
            Reply::Bulk(_) | Reply::Nil | Reply::Frames(_) => Err(answer::mismatch(1, 0)),
        })
    }
}
