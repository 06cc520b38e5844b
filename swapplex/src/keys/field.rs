//! One field of a hash, which shares an `HMGET` with others of the same hash.

use std::sync::Arc;

use bytes::Bytes;

use super::reply::Unfit;
use super::server_error::Asked;
use crate::argument::Argument;
use crate::batch::answer;
use crate::command::Class;
use crate::database::{Finish, Refusal, Request};
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::resp::{self, Element};

pub(super) struct FieldRequest<T> {
    pub(super) key: Argument,
    pub(super) field: Argument,
    pub(super) read: fn(Option<Bytes>) -> Result<T, Unfit>,
}

impl<T> FieldRequest<T> {
    fn name_key(&self, error: Error) -> Error {
        let asked = Asked {
            command: "HGET",
            key: self.key.as_bytes(),
            is_for_ttl: false,
        };
        match error {
            Error::Redis(error) => asked.error(Arc::unwrap_or_clone(error)),
            error => error,
        }
    }
}

impl<T> Request for FieldRequest<T> {
    type Output = T;
    type Error = Error;

    const EXPECTS_VALUE: bool = true;

    fn key(&self) -> Option<&[u8]> {
        Some(self.key.as_bytes())
    }

    fn blames_key(error: &Error) -> bool {
        answer::is_denial(error)
    }

    fn length(&self) -> usize {
        48 + self.key.as_bytes().len() + self.field.as_bytes().len()
    }

    fn ask<R>(&self, is_grouped: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let (key, field) = (self.key.as_bytes(), self.field.as_bytes());
        if is_grouped {
            return give(Ask::HashGet { key, field });
        }
        give(Ask::Plain {
            encode: &mut |out| resp::command(out, &[b"HGET", key, field]),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        "HGET".into()
    }

    fn class(&self) -> Class {
        Class::Read
    }

    fn finish(&mut self, reply: Reply) -> Finish<T, Error> {
        let value = match reply {
            Reply::Bulk(value) => Ok(Some(value)),
            Reply::Nil => Ok(None),
            Reply::Frame(frame) => match resp::element(&frame) {
                Ok(Element::Bulk(range)) => Ok(Some(frame.slice(range))),
                Ok(Element::Nil) => Ok(None),
                Ok(Element::Other(_)) => Err(self.name_key(answer::server_error(&frame))),
                Err(error) => Err(error.into()),
            },
            Reply::Refused(frame) => match answer::refusal(&frame, "hmget") {
                // Whoever may not run `HMGET` may still run `MGET`: that says nothing about other groups.
                Ok(_) => return Finish::Alone(Refusal::Keys),
                Err(error) => Err(self.name_key(error)),
            },
            Reply::Mismatch { keys, answers } => Err(answer::mismatch(keys, answers)),
            Reply::Frames(_) => Err(answer::mismatch(1, 0)),
        };
        Finish::Done(
            value.and_then(|value| (self.read)(value).map_err(|unfit| unfit.into_error(self.key.as_bytes()))),
        )
    }
}
