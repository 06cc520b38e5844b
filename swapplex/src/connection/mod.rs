//! The connection as redis-rs's users know it: anything that takes a [`ConnectionLike`] takes it.

mod pipeline;
mod request;
mod transaction;

use std::fmt;
use std::sync::Arc;

use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

use self::pipeline::PipelineRequest;
use self::request::CommandRequest;
use crate::command;
use crate::database::{Call, Database, EnvConnection, Handle, Origin, is_live, post};
use crate::error::Error;

/// A connection to a database, shared with everybody who uses it, that looks after itself.
///
/// Costs nothing to make, to clone and to keep: it only names the database. Commands go out on whatever connection is
/// live when they are first polled, and wait for one where none is. All of redis-rs works on it: [`AsyncCommands`],
/// [`Script`](redis::Script), [pipelines](redis::Pipeline), scans. Its `get` and `set` are plain commands; the ones
/// that share an `MGET` are [`get`](crate::get) and [`set`](crate::set).
///
/// # Errors
///
/// What the server answers, as with redis-rs. Where there is no answer, the [`RedisError`](redis::RedisError) holds
/// an [`Error`] that says whether the command was executed: see [`Error::inside`].
///
/// # Cancel safety
///
/// Dropping a command's future gives up its answer and disturbs nobody. The command may still be executed.
///
/// [`AsyncCommands`]: redis::AsyncCommands
pub struct ManagedConnection<D: Origin = EnvConnection> {
    handle: D::Handle,
}

/// The connection to the database of the environment, [`EnvConnection`]: no await, no lock, no cost.
///
/// # Examples
///
/// ```no_run
/// use redis::{AsyncCommands, RedisResult};
/// use swapplex::get_connection;
///
/// async fn get_value(key: &str) -> RedisResult<String> {
///     let mut conn = get_connection();
///     conn.get(key).await
/// }
/// ```
#[inline]
pub fn get_connection() -> ManagedConnection {
    EnvConnection::connection()
}

impl<D: Origin> ManagedConnection<D> {
    pub(crate) fn new(handle: D::Handle) -> Self {
        Self { handle }
    }

    /// Whether a connection is live at this moment, on this thread's runtime. Connects if none was asked for before.
    ///
    /// Takes a few nanoseconds: it is the way that every command goes before it is encoded. A command that is sent
    /// where none is live waits for one, so there is no need to ask.
    ///
    /// # Errors
    ///
    /// [`Error::NoRuntime`] outside of a Tokio runtime.
    #[inline]
    pub fn is_live(&self) -> Result<bool, Error> {
        is_live(self.handle.shared())
    }
}

impl<D: Origin> Clone for ManagedConnection<D> {
    fn clone(&self) -> Self {
        Self::new(self.handle.clone())
    }
}

impl<D: Origin> fmt::Debug for ManagedConnection<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedConnection")
            .field("database", &std::any::type_name::<D>())
            .finish()
    }
}

impl<D: Origin> ConnectionLike for ManagedConnection<D> {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        if let Err(refusal) = command::check(cmd) {
            return Box::pin(async { Err(refusal) });
        }
        if cmd.is_no_response() {
            let shared = Arc::clone(self.handle.shared());
            return Box::pin(async move {
                post(&shared, &CommandRequest(cmd)).await?;
                Ok(Value::Nil)
            });
        }
        Box::pin(Call::new(self.handle.clone(), CommandRequest(cmd)))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let request = match PipelineRequest::new(pipeline, offset, count) {
            Ok(request) => request,
            Err(refusal) => return Box::pin(async { Err(refusal) }),
        };
        let call = Call::new(self.handle.clone(), request);
        Box::pin(async move {
            let replies = call.await?;
            transaction::conclude(pipeline, offset, count, replies).await
        })
    }

    fn get_db(&self) -> i64 {
        self.handle.shared().db()
    }
}
