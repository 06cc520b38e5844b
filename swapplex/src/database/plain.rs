//! Requests of our own.

use super::not_now::NotNow;
use super::request::{Finish, Request};
use crate::command::Class;
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::resp;

/// A command that we send for ourselves.
pub(super) struct Plain<'a> {
    words: &'a [&'a [u8]],
    class: Class,
    /// It asks again where the server executes nothing for now.
    is_patient: bool,
}

impl<'a> Plain<'a> {
    pub(super) fn read(words: &'a [&'a [u8]]) -> Self {
        Self {
            words,
            class: Class::Read,
            is_patient: true,
        }
    }

    /// A read that takes whatever the server says now.
    pub(super) fn probe(words: &'a [&'a [u8]]) -> Self {
        Self {
            is_patient: false,
            ..Self::read(words)
        }
    }

    pub(super) fn write(words: &'a [&'a [u8]]) -> Self {
        Self {
            words,
            class: Class::Other,
            is_patient: true,
        }
    }
}

impl Request for Plain<'_> {
    type Output = redis::Value;
    type Error = Error;

    fn length(&self) -> usize {
        self.words.iter().map(|word| word.len() + 16).sum::<usize>() + 16
    }

    fn ask<R>(&self, _: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        give(Ask::Plain {
            encode: &mut |out| resp::command(out, self.words),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(self.words[0]).into_owned()
    }

    fn class(&self) -> Class {
        self.class
    }

    fn not_now(&mut self, reply: &Reply) -> Option<NotNow> {
        NotNow::of(reply, || false).filter(|_| self.is_patient)
    }

    fn finish(&mut self, reply: Reply) -> Finish<redis::Value, Error> {
        Finish::Done(match reply {
            Reply::Frame(frame) => resp::decode(&frame).map_err(Error::from),
            // Only a command that is shared with others gets one of these.
            Reply::Bulk(_) | Reply::Nil | Reply::Refused(_) | Reply::Mismatch { .. } | Reply::Frames(_) => {
                unreachable!("a command of its own has a reply of its own")
            }
        })
    }
}
