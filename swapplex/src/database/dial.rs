//! One attempt to connect: read the configuration, open the socket, shake hands.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::config::{ConfigError, Source};
use crate::multiplex::{Greeting, HandshakeError, greet};
use crate::settings::Settings;
use crate::transport::Transport;

/// Why an attempt to connect failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration does not say where to connect.
    #[error("the configuration is wrong: {0}")]
    Config(#[from] ConfigError),
    /// The server could not be reached, or went away.
    #[error("{0}")]
    Io(#[source] Arc<io::Error>),
    /// The server was reached, but did not let us in.
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    /// Connecting took longer than it may.
    #[error("connecting took longer than {0:?}")]
    Timeout(Duration),
    /// The client was closed.
    #[error("the client was closed")]
    Closed,
    /// The task that connects ended before it had connected: its runtime was shut down.
    #[error("the Tokio runtime that was to connect has ended")]
    RuntimeEnded,
}

impl ConnectError {
    /// Whether trying again soon is unlikely to help: callers are told at once instead of waiting.
    ///
    /// The connection is tried again all the same, at the debounce rate.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::Config(_)
                | Self::Handshake(HandshakeError::Authentication(_) | HandshakeError::Database { .. })
                | Self::Closed
        )
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(super) struct Dialled {
    pub(super) transport: Transport,
    pub(super) greeting: Greeting,
    pub(super) leftover: BytesMut,
}

pub(super) async fn dial(source: &Source, settings: &Settings) -> Result<Dialled, ConnectError> {
    let target = source.load()?;
    let connect = async {
        let mut transport = Transport::connect(&target.info).await?;
        let (greeting, leftover) = greet(&mut transport, &target, settings.reply_limits).await??;
        Ok(Dialled {
            transport,
            greeting,
            leftover,
        })
    };
    tokio::time::timeout(settings.connect_timeout, connect)
        .await
        .unwrap_or(Err(ConnectError::Timeout(settings.connect_timeout)))
}
