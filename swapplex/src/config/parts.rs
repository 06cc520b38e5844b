//! The parts of an address, each with its origin, before they become a [`Target`].

use std::path::PathBuf;

use redis::io::tcp::TcpSettings;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use super::{Origin, Protocol, Secret, Target, TlsFiles};

const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 6379;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scheme {
    Tcp,
    Tls,
    Unix,
}

impl Scheme {
    /// The schemes that redis-rs knows.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        match Self::named(text) {
            Some(Self::Unix) if !cfg!(unix) => {
                Err("a scheme other than unix; this platform has no Unix sockets")
            }
            Some(scheme) => Ok(scheme),
            None => Err(Self::unsupported(text)
                .unwrap_or("the scheme redis, rediss, valkey, valkeys, unix, redis+unix or valkey+unix")),
        }
    }

    pub(super) fn named(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "redis" | "valkey" => Some(Self::Tcp),
            "rediss" | "valkeys" => Some(Self::Tls),
            "unix" | "redis+unix" | "valkey+unix" => Some(Self::Unix),
            _ => None,
        }
    }

    /// What to write instead of a scheme such as `redis-sentinel` or `redis+cluster`, if it is one.
    pub(super) fn unsupported(text: &str) -> Option<&'static str> {
        let lower = text.to_ascii_lowercase();
        if lower.contains("sentinel") {
            Some("a scheme of one server, such as redis or rediss; Sentinel is not supported")
        } else if lower.contains("cluster") {
            Some("a scheme of one server, such as redis or rediss; Redis Cluster is not supported")
        } else {
            None
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "redis",
            Self::Tls => "rediss",
            Self::Unix => "unix",
        }
    }
}

/// The number of a database, as it stands in a path or in a variable: `2`, `/2`, or nothing for 0.
pub(super) fn parse_db(text: &str) -> Result<i64, &'static str> {
    match text.trim_matches('/') {
        "" => Ok(0),
        // `parse` would take `+2`.
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().map_err(|_| DB),
        _ => Err(DB),
    }
}

const DB: &str = "the number of a database, 0 or more";

/// A value, and where it was written.
#[derive(Clone)]
pub(super) struct Part<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

impl<T> Part<T> {
    pub(super) fn new(value: T, origin: &Origin) -> Self {
        Self {
            value,
            origin: origin.clone(),
        }
    }
}

/// What has been said about an address so far.
///
/// Values stay as they are and never pass through the text of a URL, so that none has to be encoded for it.
#[derive(Clone, Default)]
pub(super) struct Parts {
    pub(super) scheme: Option<Part<Scheme>>,
    pub(super) insecure: bool,
    pub(super) host: Option<Part<String>>,
    pub(super) port: Option<Part<u16>>,
    pub(super) socket: Option<Part<PathBuf>>,
    pub(super) db: Option<Part<i64>>,
    pub(super) username: Option<Part<String>>,
    pub(super) password: Option<Part<Secret>>,
    pub(super) protocol: Option<Part<Protocol>>,
    pub(super) client_name: Option<Part<String>>,
    pub(super) tls_ca: Option<Part<PathBuf>>,
    pub(super) tls_cert: Option<Part<PathBuf>>,
    pub(super) tls_key: Option<Part<PathBuf>>,
    /// How many query parameters mean nothing here.
    pub(super) ignored_parameters: usize,
}

impl Parts {
    pub(super) fn scheme(&self) -> Scheme {
        self.scheme.as_ref().map_or(Scheme::Tcp, |part| part.value)
    }

    /// Adds what swapplex assumes where nothing was said.
    pub(super) fn complete(mut self) -> Self {
        fn assume<T>(part: &mut Option<Part<T>>, value: T) {
            part.get_or_insert_with(|| Part::new(value, &Origin::BuiltIn));
        }

        assume(&mut self.scheme, Scheme::Tcp);
        if self.scheme() != Scheme::Unix {
            assume(&mut self.host, DEFAULT_HOST.to_owned());
            assume(&mut self.port, DEFAULT_PORT);
        }
        assume(&mut self.db, 0);
        assume(&mut self.protocol, Protocol::default());
        self
    }

    pub(super) fn into_target(self) -> Target {
        let scheme = self.scheme();
        let host = value(self.host).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let port = value(self.port).unwrap_or(DEFAULT_PORT);
        let address = match scheme {
            Scheme::Tcp => ConnectionAddr::Tcp(host, port),
            Scheme::Tls => ConnectionAddr::TcpTls {
                host,
                port,
                insecure: self.insecure,
                tls_params: None,
            },
            Scheme::Unix => ConnectionAddr::Unix(value(self.socket).unwrap_or_default()),
        };
        let protocol = value(self.protocol).unwrap_or_default();
        let mut redis = RedisConnectionInfo::default()
            .set_db(value(self.db).unwrap_or_default())
            .set_protocol(protocol.into());
        if let Some(username) = value(self.username) {
            redis = redis.set_username(username);
        }
        if let Some(password) = value(self.password) {
            redis = redis.set_password(password.expose());
        }
        Target {
            info: connection_info(address)
                .set_redis_settings(redis)
                .set_tcp_settings(TcpSettings::default().set_nodelay(true)),
            protocol,
            client_name: value(self.client_name),
            tls: TlsFiles {
                ca: value(self.tls_ca),
                cert: value(self.tls_cert),
                key: value(self.tls_key),
            },
        }
    }

    /// The reverse, for explaining an address that was given in code.
    pub(super) fn from_info(info: &ConnectionInfo) -> Self {
        fn part<T>(value: T) -> Part<T> {
            Part::new(value, &Origin::Code)
        }

        let redis = info.redis_settings();
        let mut parts = Self {
            db: Some(part(redis.db())),
            username: redis.username().map(|username| part(username.to_owned())),
            password: redis.password().map(|password| part(Secret::from(password))),
            protocol: Some(part(redis.protocol().into())),
            ..Self::default()
        };
        let scheme = match info.addr() {
            ConnectionAddr::Unix(path) => {
                parts.socket = Some(part(path.clone()));
                Scheme::Unix
            }
            ConnectionAddr::TcpTls { host, port, .. } => {
                parts.host = Some(part(host.clone()));
                parts.port = Some(part(*port));
                Scheme::Tls
            }
            ConnectionAddr::Tcp(host, port) => {
                parts.host = Some(part(host.clone()));
                parts.port = Some(part(*port));
                Scheme::Tcp
            }
            // redis-rs may add kinds of address; what can't be explained is left out.
            _ => Scheme::Tcp,
        };
        parts.scheme = Some(part(scheme));
        parts
    }
}

fn value<T>(part: Option<Part<T>>) -> Option<T> {
    part.map(|part| part.value)
}

#[expect(
    clippy::expect_used,
    reason = "redis-rs wraps an address as it is; only its parsing of text can fail"
)]
fn connection_info(address: ConnectionAddr) -> ConnectionInfo {
    address.into_connection_info().expect("an address is not parsed")
}
