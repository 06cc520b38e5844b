//! A connection that its user has alone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};
use tokio::time::Instant;

use super::pipeline::{self, PipelineRequest};
use super::request::CommandRequest;
use super::transaction;
use crate::command;
use crate::database::{Apart, Shared, after};
use crate::error::Error;
use crate::replay::Replay;
use crate::settings::FOR_EVER;

/// A connection of your own, for what would disturb others on a shared one.
///
/// It takes what the shared connection refuses: `WATCH`, `MULTI`, `SELECT`, `WAIT`, `CLIENT TRACKING` and the like.
/// Commands that block may take what the server is asked to wait for on top of the command timeout. Made by
/// `dedicated()` of a [`ManagedConnection`](crate::ManagedConnection), a [`Client`](crate::Client) or a
/// [`Database`](crate::Database), with the same address, credentials and TLS.
///
/// Only what does not answer each request with one reply is refused here too: `MONITOR`, `CLIENT REPLY`, and
/// `SUBSCRIBE` with its kin, for which there is [`pubsub`](crate::Client::pubsub).
///
/// A clone is another handle to the same connection, which is closed when the last one is dropped: at once, unless the last
/// command without a response has none yet. Then its runtime waits for that, as long as a command may take. A lost
/// connection stays lost, since nobody else can know what was set up on it.
///
/// # Errors
///
/// What the server answers, as with redis-rs. Where there is no answer, the [`RedisError`](redis::RedisError) holds an
/// [`Error`] (see [`Error::inside`]). Nothing is sent twice, not even reads: what was sent when the connection was lost
/// ends as [`Error::OutcomeUnknown`], and what comes later as [`NotExecuted::Lost`](crate::NotExecuted::Lost).
///
/// # Cancel safety
///
/// Dropping a command's future gives up its answer, but not the command: one that still blocks keeps those behind it
/// waiting.
///
/// # Examples
///
/// ```no_run
/// use redis::{AsyncCommands, RedisResult, aio::transaction_async};
///
/// async fn double(key: &str) -> RedisResult<i64> {
///     let connection = swapplex::get_connection().dedicated().await?;
///     let (value,) = transaction_async(connection, &[key], |mut connection, mut pipeline| async move {
///         let value: i64 = connection.get(key).await?;
///         pipeline.set(key, 2 * value).ignore().get(key).query_async(&mut connection).await
///     })
///     .await?;
///     Ok(value)
/// }
/// ```
#[derive(Clone)]
pub struct Dedicated {
    apart: Arc<Apart>,
    timeout: Duration,
}

impl Dedicated {
    pub(crate) async fn open(shared: &Arc<Shared>, timeout: Duration) -> Result<Self, Error> {
        let apart = Apart::open(shared, None, Instant::now() + timeout).await?;
        Ok(Self {
            apart: Arc::new(apart),
            timeout,
        })
    }

    /// The same connection, where a command may take so long, beside what it asks the server to wait.
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(FOR_EVER);
        self
    }
}

impl fmt::Debug for Dedicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedicated")
            .field("epoch", &self.apart.epoch())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

impl ConnectionLike for Dedicated {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let limit = after(command::wait(cmd)?.plus(self.timeout));
            if cmd.is_no_response() {
                self.apart.post(&CommandRequest::new(cmd, None), limit).await?;
                return Ok(Value::Nil);
            }
            self.apart.call(CommandRequest::new(cmd, None), limit).await
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let limit = after(pipeline::wait(pipeline)?.plus(self.timeout));
            let request = PipelineRequest::new(pipeline, Replay::Never, offset, count)?;
            let replies = self.apart.call(request, limit).await?;
            transaction::conclude(pipeline, offset, count, replies).await
        })
    }

    /// The database number of the configuration, whatever was selected since.
    fn get_db(&self) -> i64 {
        self.apart.shared().db()
    }
}
