//! Why a connection ended.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::resp::ProtocolError;

/// Why a live connection was lost.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LostCause {
    /// The server closed the connection.
    #[error("the server closed the connection")]
    ClosedByServer,
    /// Reading or writing failed.
    #[error("the connection broke: {0}")]
    Io(Arc<io::Error>),
    /// The server sent something that is not the Redis protocol.
    #[error("cannot read what the server has sent: {0}")]
    Protocol(ProtocolError),
    /// The server sent a reply that nobody had asked for.
    #[error("the server sent a reply that nobody had asked for")]
    SurplusReply,
    /// Nothing came from the server for so long, although replies were owed.
    #[error("the server has been silent for {0:?}, although replies were owed")]
    Silent(Duration),
    /// The server has become a replica, which takes no writes, and a new connection has taken this one's place.
    #[error("the server takes no writes any more, and a new connection has taken this one's place")]
    Replaced,
    /// The client was closed or dropped.
    #[error("the client was closed")]
    Closed,
    /// The runtime that drove the connection ended.
    #[error("the Tokio runtime that drove the connection has ended")]
    RuntimeEnded,
}

impl From<io::Error> for LostCause {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}
