//! Whether a database can be used now, for those who are asked.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Value};
use tokio::time::Instant;

use super::deadline::within;
use super::dial::ConnectError;
use super::local;
use super::persist::call_within;
use super::plain::Plain;
use super::shared::Shared;
use crate::error::{Error, NotExecuted};

/// Why a database cannot be used now; see [`ready`](crate::ready).
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotReady {
    /// There is no connection, because the last attempt to connect failed like this.
    #[error("not connected: {0}")]
    Connect(Arc<ConnectError>),
    /// There was no connection, or no answer on it, in this time.
    #[non_exhaustive]
    #[error("no answer from {server} within {limit:?}")]
    Timeout {
        /// The address.
        server: Arc<str>,
        /// [`connect_timeout`](crate::ClientBuilder::connect_timeout).
        limit: Duration,
    },
    /// The server answers that it serves nobody now, for example because it is loading its data.
    #[error("the server refuses: {0}")]
    Refused(Arc<RedisError>),
    /// There is no Tokio runtime here to connect on.
    #[error("swapplex must be called from the context of a Tokio runtime")]
    NoRuntime,
}

impl NotReady {
    /// Whether trying again soon is unlikely to help, as with wrong credentials or an address that is none: a program
    /// that waits for its server while it starts may give up.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Connect(cause) => cause.is_permanent(),
            Self::NoRuntime => true,
            Self::Timeout { .. } | Self::Refused(_) => false,
        }
    }
}

/// Connects if need be, and has the server say something.
pub(crate) async fn ready(shared: Arc<Shared>) -> Result<(), NotReady> {
    let Ok(lane) = local::lane(&shared) else {
        return Err(NotReady::NoRuntime);
    };
    let patience = shared.settings().connect_timeout;
    let limit = Instant::now() + patience;
    let asked = Arc::clone(&shared);
    let too_late = || NotReady::Timeout {
        server: asked.server().unwrap_or_else(|| "the server".into()),
        limit: patience,
    };
    within(limit, pin!(lane.known()))
        .await
        .ok_or_else(too_late)?
        .map_err(NotReady::Connect)?;
    // A connection outlives its server for a while.
    let left = limit.saturating_duration_since(Instant::now());
    let answer = call_within(shared, Plain::probe(&[b"PING"]), left).await;
    match answer.and_then(|value| value.extract_error().map_err(Error::from)) {
        Ok(Value::ServerError(_)) => unreachable!("errors were extracted"),
        Ok(_) => Ok(()),
        // It knows us, and serves us, if not this.
        Err(Error::Redis(error)) if error.code() == Some("NOPERM") => Ok(()),
        Err(Error::Redis(error)) => Err(NotReady::Refused(error)),
        Err(Error::NotExecuted(NotExecuted::Connect(cause) | NotExecuted::Unreachable(cause))) => {
            Err(NotReady::Connect(cause))
        }
        Err(Error::NoRuntime) => Err(NotReady::NoRuntime),
        Err(_) => Err(too_late()),
    }
}
