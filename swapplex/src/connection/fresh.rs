//! A connection that is being set up.

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use super::pipeline::{self, PipelineRequest};
use super::request::CommandRequest;
use super::transaction;
use crate::command;
use crate::database::Fresh;
use crate::replay::Replay;

/// A connection that nobody has yet but its `on_connect` hook; see
/// [`ClientBuilder::on_connect`](crate::ClientBuilder::on_connect).
///
/// All of redis-rs works on it until the hook returns. It takes what the shared connection refuses, and what is set up on
/// it holds for everybody who uses it: no `MULTI` or `WATCH` must be left open. Only what does not answer each request
/// with one reply is refused here too, as on a [`Dedicated`](crate::Dedicated) one.
///
/// # Errors
///
/// What the server answers. Where there is no answer, the [`RedisError`](redis::RedisError) holds an
/// [`Error`](crate::Error); nothing is sent twice. After the hook, every command is an error.
#[derive(Clone)]
pub struct NewConnection {
    fresh: Arc<Fresh>,
}

impl NewConnection {
    pub(crate) fn new(fresh: Arc<Fresh>) -> Self {
        Self { fresh }
    }
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").finish_non_exhaustive()
    }
}

impl ConnectionLike for NewConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            command::wait(cmd)?;
            let answer = self.fresh.call(CommandRequest::new(cmd, None)).await?;
            Ok(if cmd.is_no_response() { Value::Nil } else { answer })
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            pipeline::wait(pipeline)?;
            let request = PipelineRequest::new(pipeline, Replay::Never, offset, count)?;
            let replies = self.fresh.call(request).await?;
            transaction::conclude(pipeline, offset, count, replies).await
        })
    }

    fn get_db(&self) -> i64 {
        self.fresh.db
    }
}
