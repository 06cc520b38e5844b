use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::answer;
use super::plain::for_plain_keys;
use crate::argument::Argument;
use crate::command::Class;
use crate::database::{Call, EnvConnection, Finish, Handle, Request, Static};
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::resp::{self, Element};

/// Something that [`get`](crate::get) can look up: a key, and what its value is read as.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that can be got",
    label = "expected a key",
    note = "a key is text, bytes, or a `Key<Value<T>>` or `Key<Counter>`, by value or by reference"
)]
pub trait Lookup {
    /// The value that it is read as.
    type Value: 'static;
    /// Reaches the database that it is in, where nothing else is said.
    type Handle: Handle;

    /// The key, and the database that it is in.
    fn into_parts(self) -> (Argument, Self::Handle);

    /// Reads the value of `key`.
    ///
    /// # Errors
    ///
    /// Where the bytes are no such value.
    fn decode(key: &[u8], value: Bytes) -> Result<Self::Value, Error>;
}

macro_rules! look_up {
    ($([$($generics:tt)*] $key:ty),* $(,)?) => {$(
        /// Looks up the bytes of a key.
        impl<$($generics)*> Lookup for $key {
            type Value = Bytes;
            type Handle = Static<EnvConnection>;

            fn into_parts(self) -> (Argument, Self::Handle) {
                (self.into(), Static::new())
            }

            fn decode(_: &[u8], value: Bytes) -> Result<Bytes, Error> {
                Ok(value)
            }
        }
    )*};
}

for_plain_keys!(look_up);

/// The future of a [`get`](crate::get).
#[must_use = "a get is sent when its future is polled"]
pub struct Get<V: 'static, H: Handle> {
    call: Call<'static, H, GetRequest<V>>,
}

impl<V: 'static, H: Handle> Get<V, H> {
    pub(crate) fn new<K: Lookup<Value = V>>(handle: H, key: Argument) -> Self {
        let request = GetRequest {
            key,
            decode: |key, value| Poll::Ready(K::decode(key, value).map(Some)),
        };
        Self {
            call: Call::new(handle, request),
        }
    }
}

impl<V: 'static, H: Handle> Future for Get<V, H> {
    type Output = Result<Option<V>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.call).poll(cx)
    }
}

impl<V: 'static, H: Handle> fmt::Debug for Get<V, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Get").finish_non_exhaustive()
    }
}

pub(crate) struct GetRequest<V> {
    key: Argument,
    decode: Decode<V>,
}

/// Reads the value of a key, and gives it as a poll returns it, so that it is not copied on its way there.
type Decode<V> = fn(&[u8], Bytes) -> Poll<Result<Option<V>, Error>>;

impl<V> Request for GetRequest<V> {
    type Output = Option<V>;
    type Error = Error;

    const EXPECTS_VALUE: bool = true;

    fn key(&self) -> Option<&[u8]> {
        Some(self.key.as_bytes())
    }

    fn blames_key(error: &Error) -> bool {
        answer::is_denial(error)
    }

    fn length(&self) -> usize {
        32 + self.key.as_bytes().len()
    }

    fn ask<R>(&self, is_grouped: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let key = self.key.as_bytes();
        if is_grouped {
            return give(Ask::Get { key });
        }
        give(Ask::Plain {
            encode: &mut |out| resp::command(out, &[b"GET", key]),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        "GET".into()
    }

    fn class(&self) -> Class {
        Class::Read
    }

    fn finish(&mut self, reply: Reply) -> Finish<Self::Output, Error> {
        let value = match reply {
            Reply::Bulk(value) => value,
            Reply::Nil => return Finish::Done(Ok(None)),
            Reply::Frame(frame) => match alone(&frame) {
                Ok(Some(value)) => value,
                Ok(None) => return Finish::Done(Ok(None)),
                Err(error) => return Finish::Done(Err(error)),
            },
            Reply::Refused(frame) => {
                return match answer::refusal(&frame, "mget") {
                    Ok(refusal) => Finish::Alone(refusal),
                    Err(error) => Finish::Done(Err(error)),
                };
            }
            Reply::Mismatch { keys, answers } => return Finish::Done(Err(answer::mismatch(keys, answers))),
            Reply::Frames(_) => return Finish::Done(Err(answer::mismatch(1, 0))),
        };
        let Poll::Ready(answer) = self.finish_value(value) else {
            unreachable!("decoding does not wait")
        };
        Finish::Done(answer)
    }

    #[inline]
    fn finish_value(&mut self, value: Bytes) -> Poll<Result<Self::Output, Error>> {
        (self.decode)(self.key.as_bytes(), value)
    }
}

/// The value that a reply to a lone `GET` holds.
fn alone(frame: &Bytes) -> Result<Option<Bytes>, Error> {
    match resp::element(frame) {
        Ok(Element::Bulk(range)) => Ok(Some(frame.slice(range))),
        Ok(Element::Nil) => Ok(None),
        Ok(Element::Other(_)) => no_value(frame),
        Err(error) => Err(error.into()),
    }
}

/// A `GET` of a key that holds no string is `None`, as in an `MGET`.
fn no_value(frame: &Bytes) -> Result<Option<Bytes>, Error> {
    let error = answer::server_error(frame);
    match &error {
        Error::Redis(redis) if redis.code() == Some("WRONGTYPE") => Ok(None),
        _ => Err(error),
    }
}
