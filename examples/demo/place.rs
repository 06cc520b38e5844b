//! The server that the demo runs on: one of its own, or the user's.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, ConnectionInfo};
use swapplex::config::Source;
use swapplex::{Client, ClientBuilder};
use swapplex_tests::{RedisServer, unique_prefix};

use crate::{Failure, faults, profiles, text};

/// Keys deleted with one command.
const AT_ONCE: usize = 1000;

pub(crate) struct Place {
    source: Source,
    info: ConnectionInfo,
    /// What every key begins with.
    pub(crate) prefix: String,
    /// The demo's own server. It ends with this.
    pub(crate) server: Option<Arc<RedisServer>>,
}

impl Place {
    pub(crate) fn open() -> Result<Self, Failure> {
        let is_given = env::var_os("REDIS_URL").is_some_and(|url| !url.is_empty());
        let (source, prefix, server) = if is_given {
            (Source::env("REDIS"), unique_prefix(), None)
        } else {
            let server = RedisServer::builder().try_start()?;
            (Source::url(server.url())?, String::new(), Some(Arc::new(server)))
        };
        let info = source.load()?.info;
        Ok(Self {
            // As swapplex does it by itself; without it, redis-rs would be measured at a disadvantage.
            info: info.set_tcp_settings(TcpSettings::default().set_nodelay(true)),
            source,
            prefix,
            server,
        })
    }

    /// A swapplex client of this server.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder(self.source.clone())
    }

    /// A redis-rs connection to this server.
    pub(crate) async fn redis_rs(&self) -> Result<MultiplexedConnection, Failure> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(Duration::from_secs(2)))
            .set_response_timeout(None);
        let client = redis::Client::open(self.info.clone())?;
        client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| format!("cannot connect to {}: {error}", self.info.addr()).into())
    }

    /// What the demo is about to do, and where.
    ///
    /// # Errors
    ///
    /// Where the server cannot be reached.
    pub(crate) async fn description(&self) -> Result<Vec<String>, Failure> {
        let version = self.version().await?;
        let address = self.info.addr();
        let profiles = text::grouped(profiles::COUNT as u64);
        if self.server.is_some() {
            return Ok(vec![format!(
                "{version} of the demo's own at {address}, {profiles} profiles of {} bytes.",
                profiles::LENGTH
            )]);
        }
        Ok(vec![
            format!(
                "{version} of yours at {address}/{}, {profiles} profiles of {} bytes.",
                self.info.redis_settings().db(),
                profiles::LENGTH
            ),
            format!("All keys begin with {}", self.prefix),
            "and are deleted at the end. Since the server is yours, it is not restarted: only the".into(),
            "demo's own connections are killed, by their number (CLIENT KILL ID).".into(),
        ])
    }

    async fn version(&self) -> Result<String, Failure> {
        let mut connection = self.redis_rs().await?;
        let info: String = redis::cmd("INFO")
            .arg("server")
            .query_async(&mut connection)
            .await
            // It may be forbidden, and is only for show.
            .unwrap_or_default();
        let field = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        Ok(match (field("valkey_version:"), field("redis_version:")) {
            (Some(version), _) => format!("A Valkey {version}"),
            (None, Some(version)) => format!("A Redis {version}"),
            (None, None) => "A server".into(),
        })
    }

    /// Deletes the demo's keys from the user's server; the demo's own is thrown away with them.
    pub(crate) async fn tidy_up(&self) -> Result<(), Failure> {
        if self.server.is_some() {
            return Ok(());
        }
        let mut connection = self.redis_rs().await?;
        let keys: Vec<String> = profiles::keys(&self.prefix)
            .chain(faults::keys(&self.prefix))
            .collect();
        for keys in keys.chunks(AT_ONCE) {
            let () = redis::cmd("UNLINK")
                .arg(keys)
                .query_async(&mut connection)
                .await
                .map_err(|error| format!("keys beginning with {} are left behind: {error}", self.prefix))?;
        }
        Ok(())
    }
}
