use redis::{Cmd, RedisError, Value};

use crate::command;
use crate::database::{Finish, Request, Resume};
use crate::error::Error;
use crate::multiplex::{Ask, Reply, Undelivered};
use crate::resp;

/// One of redis-rs's commands on its way.
pub(super) struct CommandRequest<'a>(pub(super) &'a Cmd);

impl Request for CommandRequest<'_> {
    type Output = Value;
    type Error = RedisError;

    fn length(&self) -> usize {
        command::length(self.0)
    }

    fn ask<R>(&self, _: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        give(Ask::Plain {
            encode: &mut |out| self.0.write_packed_command(out),
            replies: 1,
        })
    }

    fn name(&self) -> String {
        command::name(self.0)
    }

    fn only_reads(&self) -> bool {
        command::is_read(self.0)
    }

    fn resume(&mut self, undelivered: Undelivered) -> Resume {
        if !undelivered.is_sent() {
            Resume::Unsent
        } else if self.only_reads() {
            Resume::Repeat
        } else {
            Resume::Unknown
        }
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
