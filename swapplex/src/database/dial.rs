//! One attempt to connect: read the configuration, open the socket, shake hands.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use bytes::BytesMut;
use redis::ConnectionAddr;
use tracing::Instrument;

use super::hook::Hook;
use super::trace;
use crate::config::{ConfigError, Credentials, Source, Target, TlsFiles};
use crate::error::Whole;
use crate::multiplex::{Greeting, HandshakeError, Identity, greet};
use crate::runtime::caught;
use crate::settings::Settings;
use crate::sync::lock;
use crate::transport::{Transport, is_tls_error};

/// Why an attempt to connect failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The configuration does not say where to connect.
    #[error("{what}{error}", what = if .0.is_wrong() { "the configuration is wrong: " } else { "" }, error = .0)]
    Config(ConfigError),
    /// The server could not be reached, or went away.
    #[error("{0}")]
    Io(Arc<io::Error>),
    /// The server could not prove who it is, or did not accept our certificate, or one of the TLS files is wrong.
    ///
    /// Nothing was sent to it, least of all a password, unless the server refused us after it had proved who it is.
    #[non_exhaustive]
    #[error("TLS with {server} failed: {error}{hint}", hint = hint(.error))]
    Tls {
        /// The address.
        server: Arc<str>,
        /// What went wrong.
        error: Arc<io::Error>,
    },
    /// The server was reached, but did not let us in.
    #[non_exhaustive]
    #[error("{server}: {error}")]
    Handshake {
        /// The address.
        server: Arc<str>,
        /// What the server said.
        error: HandshakeError,
    },
    /// The [`on_connect`](crate::ClientBuilder::on_connect) hook failed: it returned this error, panicked, or was not done
    /// in time.
    #[error("on_connect failed: {}", Whole(&**.0))]
    OnConnect(Arc<dyn StdError + Send + Sync>),
    /// What was asked for the address or for the credentials panicked; or Tokio did, as it does on a runtime without
    /// `enable_io` or `enable_time`.
    #[error(
        "connecting panicked: what is asked for the address or the credentials did, or the runtime lacks `enable_all`"
    )]
    Panicked,
    /// Connecting took longer than it may.
    #[non_exhaustive]
    #[error("connecting to {server} took longer than {limit:?}: {missing}")]
    Timeout {
        /// The address.
        server: Arc<str>,
        /// [`connect_timeout`](crate::ClientBuilder::connect_timeout).
        limit: Duration,
        /// What was waited for, in words.
        missing: &'static str,
    },
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
            Self::Config(error) => error.is_wrong(),
            Self::Handshake { error, .. } => {
                matches!(
                    error,
                    HandshakeError::Authentication(_)
                        | HandshakeError::Database { .. }
                        | HandshakeError::Sentinel
                )
            }
            Self::Tls { .. } | Self::Closed => true,
            Self::Io(_) | Self::OnConnect(_) | Self::Panicked | Self::Timeout { .. } | Self::RuntimeEnded => {
                false
            }
        }
    }
}

impl From<ConfigError> for ConnectError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl ConnectError {
    /// Of an error that names the address where it matters.
    fn of(error: io::Error, server: &Arc<str>) -> Self {
        if is_tls_error(&error) {
            Self::Tls {
                server: Arc::clone(server),
                error: Arc::new(error),
            }
        } else {
            Self::Io(Arc::new(error))
        }
    }

    /// Of an error that there was instead of a connection. Whoever configured nothing is told so.
    fn of_unreachable(error: io::Error, server: &Arc<str>, source: &Source) -> Self {
        match (Self::of(error, server), source.names_no_host()) {
            (Self::Io(error), Some(variables)) => {
                // Perhaps it was to be one of these.
                let unused = match source.unused().join(", ") {
                    none if none.is_empty() => none,
                    names => format!(" (set without effect: {names})"),
                };
                let text =
                    format!("{error}; that is the default address, since {variables} names no host{unused}");
                Self::Io(io::Error::new(error.kind(), text).into())
            }
            (error, _) => error,
        }
    }

    /// Of an error that a connection broke with.
    fn of_broken(error: io::Error, server: &Arc<str>, target: &Target) -> Self {
        let hint = match target.info.addr() {
            ConnectionAddr::Tcp(..) => "; does it expect TLS, as with `rediss://`?",
            _ => "",
        };
        match Self::of(error, server) {
            Self::Io(error) => {
                let text = format!("lost {server} during the handshake: {error}{hint}");
                Self::Io(io::Error::new(error.kind(), text).into())
            }
            of_tls => of_tls,
        }
    }
}

/// What to do about a TLS error whose own words don't say it.
#[cfg(feature = "tls")]
fn hint(error: &io::Error) -> &'static str {
    use tokio_rustls::rustls::{CertificateError, Error};

    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "; name the authority that issued the certificate in a …_TLS_CA_FILE, or with ClientBuilder::tls_ca_file"
        }
        _ => "",
    }
}

#[cfg(not(feature = "tls"))]
fn hint(_: &io::Error) -> &'static str {
    ""
}

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) transport: Transport,
    pub(crate) greeting: Greeting,
    pub(crate) leftover: BytesMut,
    /// What it leads to.
    pub(super) loaded: Loaded,
}

/// Where to connect, and as whom: a source, and what was set in code beside it.
#[derive(Clone)]
pub(crate) struct Destination {
    pub(crate) source: Source,
    /// Asked at each connect for what takes the place of the source's own credentials.
    pub(crate) credentials: Option<Arc<dyn Credentials>>,
    /// Each in place of the source's, if there is one.
    pub(crate) tls: TlsFiles,
    /// The name that a TLS server has to prove, where it is not that of the host.
    pub(crate) server_name: Option<Arc<str>>,
    /// Run on each new shared connection before anybody gets it.
    pub(crate) on_connect: Option<Hook>,
    /// Whether it was told what of the source is without effect.
    pub(super) warned: Arc<Once>,
    /// What was loaded last.
    pub(super) last: Arc<Mutex<Option<Loaded>>>,
}

/// Where a target that was loaded leads.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) server: Arc<str>,
    pub(super) db: i64,
}

impl Destination {
    pub(crate) fn new(source: Source) -> Self {
        Self {
            source,
            credentials: None,
            tls: TlsFiles::default(),
            server_name: None,
            on_connect: None,
            warned: Arc::new(Once::new()),
            last: Arc::default(),
        }
    }

    /// Where the target that was loaded last leads. Loads one where none was; `None` where that fails.
    pub(super) fn last(&self) -> Option<Loaded> {
        let last = lock(&self.last).clone();
        last.or_else(|| Some(self.target().ok()?.1))
    }

    fn target(&self) -> Result<(Target, Loaded), ConfigError> {
        let mut target = self.source.load()?;
        let loaded = Loaded {
            server: target.info.addr().to_string().into(),
            db: target.info.redis_settings().db(),
        };
        *lock(&self.last) = Some(loaded.clone());
        let TlsFiles { ca, cert, key } = self.tls.clone();
        target.tls.ca = ca.or(target.tls.ca);
        if cert.is_some() {
            (target.tls.cert, target.tls.key) = (cert, key);
        }
        Ok((target, loaded))
    }
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("source", &self.source)
            .field("tls", &self.tls)
            .field("server_name", &self.server_name)
            .field("asks_for_credentials", &self.credentials.is_some())
            .field("has_hook", &self.on_connect.is_some())
            .finish_non_exhaustive()
    }
}

/// Connects, and fences off the connection `before`, if one is named.
pub(super) async fn dial(
    destination: &Destination,
    before: Option<&Identity>,
    settings: &Settings,
) -> Result<Dialled, ConnectError> {
    // Other people's code is asked where to connect, and as whom. Its panic would end who dials, and with that the debounce.
    caught(connect(destination, before, settings))
        .await
        .unwrap_or(Err(ConnectError::Panicked))
}

async fn connect(
    destination: &Destination,
    before: Option<&Identity>,
    settings: &Settings,
) -> Result<Dialled, ConnectError> {
    let span = trace::connect(destination);
    let (mut target, loaded) = destination.target()?;
    let server = Arc::clone(&loaded.server);
    span.record("server", tracing::field::display(&server));
    trace::without_effect(destination);
    // In the words for whoever waits in vain.
    let missing = Mutex::new("the credentials did not come");
    let connect = async {
        if let Some(credentials) = &destination.credentials {
            target = target.authenticate(&**credentials).await?;
        }
        *lock(&missing) = "no connection came about";
        let begin_tls = || *lock(&missing) = "it accepted the connection, and did not answer in TLS";
        let mut transport = Transport::connect(&target, destination.server_name.as_deref(), begin_tls)
            .await
            .map_err(|error| ConnectError::of_unreachable(error, &server, &destination.source))?;
        *lock(&missing) = "it accepted the connection, and did not answer";
        let limits = settings.reply_limits.in_handshake();
        let (greeting, leftover) = greet(&mut transport, &target, before, limits)
            .await
            .map_err(|error| ConnectError::of_broken(error, &server, &target))?
            .map_err(|error| ConnectError::Handshake {
                server: Arc::clone(&server),
                error,
            })?;
        Ok(Dialled {
            transport,
            greeting,
            leftover,
            loaded,
        })
    };
    tokio::time::timeout(settings.connect_timeout, connect)
        .instrument(span)
        .await
        .unwrap_or_else(|_| {
            Err(ConnectError::Timeout {
                server: Arc::clone(&server),
                limit: settings.connect_timeout,
                missing: *lock(&missing),
            })
        })
}
