use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use redis::{ToSingleRedisArg, Value};

use super::answer;
use crate::argument::Argument;
use crate::database::{Call, Finish, Origin, Request, Resume};
use crate::error::Error;
use crate::multiplex::{Ask, Reply, Undelivered};
use crate::resp;

/// The future of a [`set`](crate::set).
#[must_use = "a set is sent when its future is polled"]
pub struct Set<D: Origin> {
    call: Call<'static, D::Handle, SetRequest>,
}

impl<D: Origin> Set<D> {
    pub(crate) fn new(handle: D::Handle, key: Argument, value: &impl ToSingleRedisArg) -> Self {
        Self {
            call: Call::new(
                handle,
                SetRequest {
                    key,
                    value: Argument::of(value),
                },
            ),
        }
    }
}

impl<D: Origin> Future for Set<D> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.call).poll(cx)
    }
}

impl<D: Origin> fmt::Debug for Set<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Set").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct SetRequest {
    key: Argument,
    value: Argument,
}

impl Request for SetRequest {
    type Output = ();
    type Error = Error;

    fn key(&self) -> Option<&[u8]> {
        Some(self.key.as_bytes())
    }

    fn length(&self) -> usize {
        48 + self.key.as_bytes().len() + self.value.as_bytes().len()
    }

    fn ask<R>(&self, is_grouped: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let (key, value) = (self.key.as_bytes(), self.value.as_bytes());
        if is_grouped {
            return give(Ask::Set { key, value });
        }
        give(Ask::Plain {
            encode: &mut |out| resp::command(out, &[b"SET", key, value]),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        "SET".into()
    }

    fn only_reads(&self) -> bool {
        false
    }

    fn resume(&mut self, undelivered: Undelivered) -> Resume {
        if undelivered.is_sent() {
            Resume::Unknown
        } else {
            Resume::Unsent
        }
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
