use std::fmt;
use std::path::PathBuf;

use redis::{ConnectionAddr, ConnectionInfo, ProtocolVersion};

use super::secret::{REDACTED, Secret};

/// The protocol that a connection asks the server for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// RESP2, which every server speaks; without pushes, so without client-side caching.
    Resp2,
    /// RESP3, which servers have spoken since Redis 6.
    #[default]
    Resp3,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resp2 => "resp2",
            Self::Resp3 => "resp3",
        })
    }
}

impl From<ProtocolVersion> for Protocol {
    fn from(version: ProtocolVersion) -> Self {
        if version.supports_resp3() {
            Self::Resp3
        } else {
            Self::Resp2
        }
    }
}

impl From<Protocol> for ProtocolVersion {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Resp2 => Self::RESP2,
            Protocol::Resp3 => Self::RESP3,
        }
    }
}

/// The PEM files that a TLS connection needs beyond what the system trusts.
///
/// Whoever connects reads them, so that a renewed certificate takes effect at the next connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFiles {
    /// The certificate authorities to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// The certificate chain that this client shows to the server; comes with `key`.
    pub cert: Option<PathBuf>,
    /// The private key of `cert`.
    pub key: Option<PathBuf>,
}

/// Where one connection goes, resolved: everything that a dial needs.
///
/// # Examples
///
/// ```
/// use swapplex::config::{Protocol, Source};
///
/// let target = Source::url("redis://app:secret@db.example:7000/2")?.load()?;
/// assert_eq!(target.info.addr().to_string(), "db.example:7000");
/// assert_eq!(target.info.redis_settings().db(), 2);
/// assert_eq!(target.protocol, Protocol::Resp3);
/// assert!(!format!("{target:?}").contains("secret"));
/// # Ok::<(), swapplex::config::ConfigError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Target {
    /// Address, database, user name, password, and TCP settings.
    pub info: ConnectionInfo,
    /// The protocol to ask for; `info` holds the same.
    pub protocol: Protocol,
    /// The name that the connection gives itself (`CLIENT SETNAME`), from `?client_name=`.
    pub client_name: Option<String>,
    /// TLS files; of use only if the address of `info` is a TLS one.
    pub tls: TlsFiles,
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let redis = self.info.redis_settings();
        f.debug_struct("Target")
            .field("scheme", &scheme(self.info.addr()))
            .field("address", &format_args!("{}", self.info.addr()))
            .field("db", &redis.db())
            .field(
                "username",
                &shown_username(redis.username(), redis.password().is_some()),
            )
            .field("password", &redis.password().map(Secret::from))
            .field("protocol", &self.protocol)
            .field("client_name", &self.client_name)
            .field("tls", &self.tls)
            .finish()
    }
}

fn scheme(address: &ConnectionAddr) -> &'static str {
    match address {
        ConnectionAddr::TcpTls { .. } => "rediss",
        ConnectionAddr::Unix(_) => "unix",
        _ => "redis",
    }
}

/// A user name without a password does nothing; it is most likely the password, as in `redis://secret@host`.
pub(super) fn shown_username(username: Option<&str>, has_password: bool) -> Option<&str> {
    username.map(|username| if has_password { username } else { REDACTED })
}
