//! A Redis layer that is never debugged.

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
mod resp;
mod settings;
mod stats;
mod sync;
mod transport;

pub use argument::Argument;
pub use batch::{Assign, Assignment, Get, GetMany, Lookup, Set, SetMany, get, get_many, set, set_many};
pub use client::{Client, ClientBuilder};
pub use connection::{ManagedConnection, get_connection};
pub use database::{
    ConnectError, ConnectionEvent, ConnectionStream, Database, EnvConnection, Handle, Origin, Place, Static,
    connection_stream, on_connected,
};
pub use error::{Error, NoReply, NotExecuted};
pub use keys::{Key, codec, shape};
pub use multiplex::{HandshakeError, LostCause};
pub use resp::ProtocolError;
pub use stats::Stats;
pub use swapplex_macros::{RedisKeys, main, test};

#[doc(hidden)]
pub use command::reads;
#[doc(hidden)]
pub use database::private;
// For the expansion of `#[tokio::test(crate = "swapplex")]`.
#[doc(hidden)]
pub use tokio::pin;

/// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
