use std::sync::OnceLock;

use super::origin::Database;
use super::ready::NotReady;
use super::settle::Unsettled;
use crate::client::Client;
use crate::config::Source;
use crate::stats::Stats;

/// The database that the environment names: `REDIS_URL`, or its components `REDIS_HOST`, `REDIS_PORT` and so on.
///
/// Without any of them, `redis://127.0.0.1:6379`. See [`config`](crate::config) for all variables. They are read at
/// each connect.
#[derive(Clone, Copy, Debug)]
pub struct EnvConnection;

impl Database for EnvConnection {
    #[inline]
    fn client() -> &'static Client {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(|| Client::builder(Source::env("REDIS")).build())
    }
}

/// Whether the database of the environment, [`EnvConnection`], can be used now, and why not: for a readiness probe.
///
/// Connects if that has not been tried, and has the server answer a `PING`. Where the last attempt to connect has
/// failed, that is the answer, at once: attempts go on by themselves. Otherwise the answer comes within the time that
/// a connect may take, 2 s by default: longer than a probe of Kubernetes waits unless its `timeoutSeconds`, 1 by default,
/// is raised. A replica that takes no writes is ready: it answers. For other databases there are [`Database::ready`] and
/// [`Client::ready`].
///
/// # Errors
///
/// Why it cannot be used now. After [`close`], that it was closed.
///
/// # Cancel safety
///
/// Dropping the future gives up the answer, and nothing else.
///
/// # Examples
///
/// ```no_run
/// /// The status and the text of `GET /ready`.
/// async fn readiness() -> (u16, String) {
///     match swapplex::ready().await {
///         Ok(()) => (200, "ready".to_owned()),
///         Err(reason) => (503, reason.to_string()),
///     }
/// }
/// ```
pub async fn ready() -> Result<(), NotReady> {
    EnvConnection::ready().await
}

/// Closes the database of the environment, [`EnvConnection`], once what is under way is answered: for the graceful end
/// of a service, under any runtime.
///
/// What was sent, or is on its way out, is waited for, at most as long as a command may take (5 s by default):
/// on the shared connection, on those of commands that block and on [dedicated](crate::Dedicated) ones. A command
/// that blocks is answered as if the time that it asked the server to wait were up, so that it loses nothing.
/// Subscriptions end. A connection of a runtime that nobody drives meanwhile, such as one that is only ever used to block
/// on, is closed when that goes on or ends, if nothing is under way on it. What comes later ends as [`NotExecuted`](crate::Error::NotExecuted), because of
/// [`ConnectError::Closed`](crate::ConnectError::Closed): so call this when all that needs the database is done.
///
/// This holds on every Tokio runtime that the database was used on, and for good. A runtime that is started later
/// connects anew, so that tests of one process, one after the other, may share a database that each of them closes.
///
/// A program that begins with [`swapplex::main`](macro@crate::main) need not call it: there the end of the runtime does
/// the same for all databases. For other databases there are [`Database::close`] and [`Client::close`].
///
/// # Errors
///
/// Where requests were without an answer when the time was up. The database is closed all the same.
///
/// # Cancel safety
///
/// Dropping the future ends the wait. Once it was polled, the database closes all the same.
///
/// # Examples
///
/// ```no_run
/// # async fn serve() {}
/// #[tokio::main]
/// async fn main() {
///     serve().await; // until SIGTERM; returns when the last response is out
///     if let Err(unsettled) = swapplex::close().await {
///         eprintln!("Redis: {unsettled}");
///     }
/// }
/// ```
pub async fn close() -> Result<(), Unsettled> {
    EnvConnection::close().await
}

/// What the database of the environment, [`EnvConnection`], has done so far: counters for a metrics endpoint.
///
/// For other databases there are [`Database::stats`] and [`Client::stats`].
///
/// # Examples
///
/// ```
/// let stats = swapplex::stats();
/// println!("redis_requests_total {}", stats.requests);
/// println!("redis_losses_total {}", stats.losses);
/// ```
pub fn stats() -> Stats {
    EnvConnection::stats()
}
