use std::slice;

use bytes::Bytes;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult};

use crate::command::{self, Class, Route, Wait};
use crate::database::{Finish, NotNow, Request, is_error};
use crate::multiplex::{Ask, Reply, Undelivered};
use crate::replay::Replay;
use crate::resp;

const MULTI_LENGTH: usize = "*1\r\n$5\r\nMULTI\r\n".len();

/// One of redis-rs's pipelines on its way, atomic or not.
pub(super) struct PipelineRequest<'a> {
    pipeline: &'a Pipeline,
    replay: Replay,
    /// Replies to the first commands, which need not be sent again.
    answered: Vec<Bytes>,
}

/// Which connection the pipeline may take, for one who shares a connection with others.
///
/// With a command that blocks, the whole pipeline moves, since its commands run one after the other. In an atomic one
/// nothing blocks.
///
/// # Errors
///
/// Where one of its commands would spoil the connection for the others.
pub(super) fn route(pipeline: &Pipeline) -> RedisResult<Route> {
    let mut route = Route::Shared;
    for command in pipeline.cmd_iter() {
        if let Route::Apart(wait) = command::route(command)?
            && !pipeline.is_transaction()
        {
            route = Route::Apart(match route {
                Route::Shared => wait,
                Route::Apart(before) => before.then(wait),
            });
        }
    }
    Ok(route)
}

/// How long the server may keep the pipeline waiting, for one who has a connection of their own.
///
/// # Errors
///
/// Where one of its commands does not fit a connection of requests and replies.
pub(super) fn wait(pipeline: &Pipeline) -> RedisResult<Wait> {
    let mut wait = Wait::None;
    for command in pipeline.cmd_iter() {
        let more = command::wait(command)?;
        if !pipeline.is_transaction() {
            wait = wait.then(more);
        }
    }
    Ok(wait)
}

impl<'a> PipelineRequest<'a> {
    /// # Errors
    ///
    /// Where the pipeline holds nothing, or other replies are asked for than will come.
    pub(super) fn new(
        pipeline: &'a Pipeline,
        replay: Replay,
        offset: usize,
        count: usize,
    ) -> RedisResult<Self> {
        if pipeline.is_empty() && !pipeline.is_transaction() {
            return Err((ErrorKind::Client, "empty command").into());
        }
        let request = Self {
            pipeline,
            replay,
            answered: Vec::new(),
        };
        if offset + count != request.replies() {
            return Err((ErrorKind::Client, "offset and count do not fit the pipeline").into());
        }
        Ok(request)
    }

    fn replies(&self) -> usize {
        let envelope = if self.pipeline.is_transaction() { 2 } else { 0 };
        self.pipeline.len() + envelope
    }

    /// How many of the unanswered commands lie within the first `accepted` bytes of what was sent.
    fn sent(&self, accepted: usize) -> usize {
        self.unanswered()
            .scan(0, |end, command| {
                *end += command.get_packed_command().len();
                Some(*end)
            })
            .take_while(|end| *end <= accepted)
            .count()
    }

    /// All replies: those to the commands in front of the ones that `frames` answer, and `frames`.
    fn with_answered(&self, frames: &[Bytes]) -> Vec<Bytes> {
        let mut replies = self.answered.clone();
        replies.truncate(self.replies() - frames.len());
        replies.extend_from_slice(frames);
        replies
    }

    fn unanswered(&self) -> impl Iterator<Item = &'a Cmd> {
        self.pipeline.cmd_iter().skip(self.answered.len())
    }
}

impl Request for PipelineRequest<'_> {
    type Output = Vec<Bytes>;
    type Error = RedisError;

    fn length(&self) -> usize {
        self.unanswered().map(command::length).sum()
    }

    fn ask<R>(&self, _: bool, give: impl FnOnce(Ask<'_>) -> R) -> R {
        let is_atomic = self.pipeline.is_transaction();
        let mut encode = |out: &mut Vec<u8>| {
            if is_atomic {
                resp::command(out, &[b"MULTI"]);
            }
            for command in self.unanswered() {
                command::encode(command, out);
            }
            if is_atomic {
                resp::command(out, &[b"EXEC"]);
            }
        };
        give(Ask::Plain {
            encode: &mut encode,
            replies: self.replies() - self.answered.len(),
        })
    }

    fn name(&self) -> String {
        if self.pipeline.is_transaction() {
            "MULTI".into()
        } else {
            "pipeline".into()
        }
    }

    fn class(&self) -> Class {
        command::class_of_all(self.pipeline.cmd_iter())
    }

    fn replay(&self) -> Option<Replay> {
        Some(self.replay)
    }

    fn has_begun(&self) -> bool {
        let mut answered = self.pipeline.cmd_iter().take(self.answered.len());
        answered.any(|command| command::class(command) > Class::Read)
    }

    fn resume(&mut self, undelivered: Undelivered) -> Option<Class> {
        let may_have_run = if self.pipeline.is_transaction() {
            let is_refused = undelivered.answered.first().is_some_and(|multi| is_error(multi));
            if undelivered.is_sent() {
                self.pipeline.len()
            } else if is_refused {
                // There is no transaction: each command runs as it arrives.
                let answered = undelivered.answered.len() - 1;
                self.sent(undelivered.accepted.saturating_sub(MULTI_LENGTH))
                    .max(answered)
            } else {
                // Nothing of it runs before `EXEC` has arrived, and that stands at its very end.
                0
            }
        } else {
            let sent = self.sent(undelivered.accepted);
            let answered = undelivered.answered.len();
            self.answered.extend(undelivered.answered);
            sent.saturating_sub(answered)
        };
        (may_have_run > 0).then(|| command::class_of_all(self.unanswered().take(may_have_run)))
    }

    fn not_now(&mut self, reply: &Reply) -> Option<NotNow> {
        if !frames(reply).iter().any(|frame| is_error(frame)) {
            return None;
        }
        let replies = self.with_answered(frames(reply));
        if self.pipeline.is_transaction() {
            return NotNow::of_transaction(&replies);
        }
        let is_repeatable = |at: usize| {
            let class = self.pipeline.cmd_iter().nth(at).map(command::class);
            // Answered, and executed again for the sake of the order.
            class == Some(Class::Read) && self.replay >= Replay::Reads
        };
        let refusal = |at: usize| {
            let is_script = || self.pipeline.cmd_iter().nth(at).is_some_and(command::is_script);
            NotNow::of_answer(&replies[at], is_script)
        };
        let (kept, refusal) = NotNow::of_pipeline(replies.len(), refusal, is_repeatable)?;
        self.answered = replies;
        self.answered.truncate(kept);
        Some(refusal)
    }

    fn finish(&mut self, reply: Reply) -> Finish<Vec<Bytes>, RedisError> {
        Finish::Done(Ok(match reply {
            Reply::Frames(frames) if self.answered.is_empty() => frames,
            reply => self.with_answered(frames(&reply)),
        }))
    }
}

fn frames(reply: &Reply) -> &[Bytes] {
    match reply {
        Reply::Frame(frame) => slice::from_ref(frame),
        Reply::Frames(frames) => frames,
        Reply::Bulk(_) | Reply::Nil | Reply::Refused(_) | Reply::Mismatch { .. } => {
            unreachable!("a command of its own has a reply of its own")
        }
    }
}
