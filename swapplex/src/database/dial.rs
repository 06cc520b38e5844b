//! One attempt to connect: read the configuration, open the socket, shake hands.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use crate::config::{ConfigError, Credentials, Source};
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
        match self {
            // Who issues credentials may well do so in a moment.
            Self::Config(error) => !matches!(error, ConfigError::Credentials { .. }),
            Self::Handshake(HandshakeError::Authentication(_) | HandshakeError::Database { .. })
            | Self::Closed => true,
            Self::Handshake(_) | Self::Io(_) | Self::Timeout(_) | Self::RuntimeEnded => false,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) transport: Transport,
    pub(crate) greeting: Greeting,
    pub(crate) leftover: BytesMut,
}

/// Where to connect, and as whom.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) source: Source,
    /// Asked at each connect for what takes the place of the source's own credentials.
    pub(crate) credentials: Option<Arc<dyn Credentials>>,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("source", &self.source)
            .field("asks_for_credentials", &self.credentials.is_some())
            .finish()
    }
}

pub(super) async fn dial(destination: &Destination, settings: &Settings) -> Result<Dialled, ConnectError> {
    let mut target = destination.source.load()?;
    let connect = async {
        if let Some(credentials) = &destination.credentials {
            target = target.authenticate(&**credentials).await?;
        }
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
