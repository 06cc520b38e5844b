//! The connection as redis-rs's users know it: anything that takes a [`ConnectionLike`] takes it.

mod dedicated;
mod fresh;
mod pipeline;
mod pubsub;
mod request;
mod transaction;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::TryFutureExt;
use redis::aio::ConnectionLike;
use redis::{Cmd, Pipeline, RedisFuture, Value};

pub use self::dedicated::Dedicated;
pub use self::fresh::NewConnection;
pub(crate) use self::pubsub::pubsub;

use self::pipeline::PipelineRequest;
use self::request::CommandRequest;
use crate::command::{self, Route};
use crate::database::{
    Call, Database, EnvConnection, Handle, Origin, call_apart, call_within, is_live, post,
};
use crate::error::Error;
use crate::replay::Replay;
use crate::settings::FOR_EVER;

/// A connection to a database, shared with everybody who uses it, that looks after itself.
///
/// Costs nothing to make, to clone and to keep: it only names the database. Commands go out on whatever connection is
/// live when they are first polled, and wait for one where none is. All of redis-rs works on it: [`AsyncCommands`],
/// [`Script`](redis::Script), [pipelines](redis::Pipeline), scans. Its `get` and `set` are plain commands; the ones
/// that share an `MGET` are [`get`](crate::get) and [`set`](crate::set).
///
/// # Commands that need a connection of their own
///
/// A command that asks the server to wait (`BLPOP`, `BLMOVE`, `XREAD` with `BLOCK` and so on) would keep everybody
/// waiting, so it travels on a connection that is made for it and closed afterwards, which costs a round trip or two
/// and, with TLS, a TLS handshake. (A worker that waits all the time does better with a [`Dedicated`] one.) Dropping its
/// future closes that connection, so that the server gives up too. (What is pushed before the server has noticed may still
/// be given to nobody: what must not get lost wants a `BLMOVE`, or a stream.) Its deadline is what it asks the server to
/// wait plus the command timeout; without an end if it asks to wait for ever. No more than 64 of a database block at the
/// same time; the others wait for their turn, at most as long as for their answer. A pipeline with such a command in it
/// moves as a whole; in an atomic one, nothing blocks.
///
/// What would change the connection for everybody who shares it (`SELECT`, `WATCH`, `CLIENT TRACKING` …), or speaks of
/// what was done on it (`WAIT`), is refused, with an error that says what serves instead: most often
/// [`dedicated`](Self::dedicated).
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
    /// In place of the client's, if there is one.
    timeout: Option<Duration>,
    /// Likewise.
    replay: Option<Replay>,
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
        Self {
            handle,
            timeout: None,
            replay: None,
        }
    }

    /// The same connection, where a command may take so long, waiting and retries included.
    ///
    /// Each command through it pays for a timer of its own; one that may take longer than the client's
    /// [`command_timeout`](crate::ClientBuilder::command_timeout) also travels alone, and while it is waited for,
    /// a server that has fallen silent is noticed as much later.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use redis::AsyncCommands;
    /// # use std::time::Duration;
    /// # async fn example() -> redis::RedisResult<()> {
    /// let mut hasty = swapplex::get_connection().command_timeout(Duration::from_millis(50));
    /// let value: Option<String> = hasty.get("key").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout.min(FOR_EVER));
        self
    }

    /// The same connection, where so much may be sent again when a connection is lost; in place of what the client
    /// [says](crate::ClientBuilder::replay).
    ///
    /// Costs nothing. A command on a connection of its own (one that blocks) is sent again at most if it only reads.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use redis::AsyncCommands;
    /// # use swapplex::Replay;
    /// # async fn example() -> redis::RedisResult<()> {
    /// // Another client may withdraw the offer at any moment: a SET of ours, sent again, must not bring it back.
    /// let mut careful = swapplex::get_connection().replay(Replay::Reads);
    /// let () = careful.set("offer:7", "half price").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn replay(mut self, level: Replay) -> Self {
        self.replay = Some(level);
        self
    }

    fn level(&self) -> Replay {
        self.replay
            .unwrap_or_else(|| self.handle.shared().settings().replay)
    }

    fn patience(&self) -> Duration {
        self.timeout
            .unwrap_or_else(|| self.handle.shared().settings().command_timeout)
    }

    /// A connection of your own, with the same address and credentials; see [`Dedicated`].
    ///
    /// The shared one is waited for first, if it is not live: it finds out for everybody whether the server is there.
    ///
    /// # Errors
    ///
    /// [`Error::NotExecuted`] where there is no connection within the command timeout, or none in sight;
    /// [`Error::NoRuntime`] outside of a Tokio runtime.
    pub async fn dedicated(&self) -> Result<Dedicated, Error> {
        Dedicated::open(self.handle.shared(), self.patience()).await
    }

    /// A connection for publish and subscribe; see [`Client::pubsub`](crate::Client::pubsub).
    ///
    /// # Errors
    ///
    /// As for [`dedicated`](Self::dedicated).
    pub async fn pubsub(&self) -> Result<redis::aio::PubSub, Error> {
        pubsub(self.handle.shared()).await
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
        Self {
            handle: self.handle.clone(),
            timeout: self.timeout,
            replay: self.replay,
        }
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
        let request = CommandRequest::new(cmd, self.replay);
        match command::route(cmd) {
            Ok(Route::Shared) => {}
            Ok(Route::Apart(wait)) => {
                let shared = Arc::clone(self.handle.shared());
                let patience = self.patience();
                let answer = call_apart(shared, request, wait, patience);
                if cmd.is_no_response() {
                    return Box::pin(answer.map_ok(|_| Value::Nil));
                }
                return Box::pin(answer);
            }
            Err(refusal) => return Box::pin(async { Err(refusal) }),
        }
        if cmd.is_no_response() {
            let shared = Arc::clone(self.handle.shared());
            let patience = self.patience();
            return Box::pin(async move {
                post(&shared, &request, patience).await?;
                Ok(Value::Nil)
            });
        }
        if let Some(patience) = self.timeout {
            let shared = Arc::clone(self.handle.shared());
            return Box::pin(call_within(shared, request, patience));
        }
        Box::pin(Call::new(self.handle.clone(), request))
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        let request = PipelineRequest::new(pipeline, self.level(), offset, count);
        let (request, route) = match request.and_then(|request| Ok((request, pipeline::route(pipeline)?))) {
            Ok(parts) => parts,
            Err(refusal) => return Box::pin(async { Err(refusal) }),
        };
        if let Route::Apart(wait) = route {
            let shared = Arc::clone(self.handle.shared());
            let patience = self.patience();
            return Box::pin(async move {
                let replies = call_apart(shared, request, wait, patience).await?;
                transaction::conclude(pipeline, offset, count, replies).await
            });
        }
        let (handle, timeout) = (self.handle.clone(), self.timeout);
        Box::pin(async move {
            let replies = match timeout {
                Some(patience) => call_within(Arc::clone(handle.shared()), request, patience).await?,
                None => Call::new(handle, request).await?,
            };
            transaction::conclude(pipeline, offset, count, replies).await
        })
    }

    fn get_db(&self) -> i64 {
        self.handle.shared().db()
    }
}
