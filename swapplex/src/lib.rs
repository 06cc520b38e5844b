//! A Redis layer that is never debugged: one connection per database, configured from the environment, shared by every
//! task, reconnecting without errors that could have been avoided, and turning concurrent `GET`s into `MGET`s.
//!
//! ```no_run
//! use redis::AsyncCommands;
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     swapplex::set("user:7:name", "Ada").await?;
//!     // Joins every other get under way: one MGET for all of them.
//!     let name = swapplex::get("user:7:name").await?;
//!     // All of redis-rs works on a connection, which costs nothing to get.
//!     let visits: u64 = swapplex::get_connection().incr("user:7:visits", 1).await?;
//!     println!("{name:?} was here {visits} times");
//!     Ok(())
//! }
//! ```
//!
//! It runs on Tokio, on runtimes of both kinds, with I/O and time enabled, as `#[tokio::main]` and `enable_all` have it.
//!
//! # Where to go from here
//!
//! - [`get`], [`set`], [`get_many`]: what shares commands; [`docs::batching`] says how.
//! - [`get_connection`]: the connection for everything else, with redis-rs's own traits.
//! - [`config`]: which variables say where to connect.
//! - [`Client`]: the same without the environment; [`Database`]: further databases that have a type of their own.
//! - [`Error`]: what became of a request that has no answer; [`docs::delivery`] says what is sent again, and when.
//! - [`Replay`]: how much of that, for a client, a database or a handle.
//! - [`connection_stream`], [`on_connected`]: what happens to the connection.
//! - [`ready`], [`stats`], [`close`]: for a readiness probe, for metrics, and for the end of a service.
//! - [`Dedicated`], [`Client::pubsub`]: connections of your own, for transactions with `WATCH` and for subscriptions.
//! - [`docs::connection_manager`]: what to change in a program that uses redis-rs's; [`docs::testing`]: how to test one.
//! - [`macro@main`], [`runtime`]: a Tokio runtime whose end is graceful, and whose threads' data can be referred to.

pub mod config;
pub mod docs;
pub mod keys;
pub mod runtime;

mod argument;
mod batch;
mod client;
mod command;
mod connection;
mod database;
mod error;
mod multiplex;
mod replay;
mod resp;
mod settings;
mod stats;
mod sync;
mod transport;

pub use argument::Argument;
pub use batch::{Assign, Assignment, Get, GetMany, Lookup, Set, SetMany, get, get_many, set, set_many};
pub use client::{Client, ClientBuilder};
pub use connection::{Dedicated, ManagedConnection, NewConnection, get_connection};
pub use database::{
    ConnectError, ConnectionEvent, ConnectionStream, Database, EnvConnection, Handle, NotReady, Origin,
    Place, Static, Unsettled, close, connection_stream, on_connected, ready, stats,
};
pub use error::{Error, NoReply, NotExecuted};
pub use keys::{Key, codec, shape};
pub use multiplex::{HandshakeError, LostCause};
pub use replay::Replay;
pub use resp::ProtocolError;
pub use stats::Stats;
pub use swapplex_macros::{Database, RedisKeys, main, test};

#[doc(hidden)]
pub use command::classes;
#[doc(hidden)]
pub use database::private;
// For the expansion of `#[tokio::test(crate = "swapplex")]`.
#[doc(hidden)]
pub use tokio::pin;

/// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
