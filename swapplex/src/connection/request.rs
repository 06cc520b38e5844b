use redis::{Cmd, RedisError, Value};

use crate::command::{self, Class};
use crate::database::{Finish, NotNow, Request};
use crate::error::Error;
use crate::multiplex::{Ask, Reply};
use crate::replay::Replay;
use crate::resp;

/// One of redis-rs's commands on its way.
#[derive(Clone, Copy)]
pub(super) struct CommandRequest<'a> {
    command: &'a Cmd,
    /// In place of the client's, if there is one.
    replay: Option<Replay>,
}

impl<'a> CommandRequest<'a> {
    pub(super) fn new(command: &'a Cmd, replay: Option<Replay>) -> Self {
        Self { command, replay }
    }
}

impl Request for CommandRequest<'_> {
    type Output = Value;
    type Error = RedisError;

    fn length(&self) -> usize {
        command::length(self.command)
    }

    fn ask<R>(&self, _: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        give(Ask::Plain {
            encode: &mut |out| command::encode(self.command, out),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        command::name(self.command)
    }

    fn class(&self) -> Class {
        command::class(self.command)
    }

    fn replay(&self) -> Option<Replay> {
        self.replay
    }

    fn not_now(&mut self, reply: &Reply) -> Option<NotNow> {
        NotNow::of(reply, || command::is_script(self.command))
    }

    fn finish(&mut self, reply: Reply) -> Finish<Value, RedisError> {
        Finish::Done(match reply {
            Reply::Frame(frame) => resp::decode(&frame).map_err(|error| Error::from(error).into()),
            // Only a command that is shared with others gets one of these.
            Reply::Bulk(_) | Reply::Nil | Reply::Refused(_) | Reply::Mismatch { .. } | Reply::Frames(_) => {
                unreachable!("a command of its own has a reply of its own")
            }
        })
    }
}
