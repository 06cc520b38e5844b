//! redis-rs, with its plain connection and the one that reconnects.

use std::error::Error;

use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{AsyncCommands, AsyncConnectionConfig, Client, IntoConnectionInfo};

use super::Peer;

/// More than the default of 50, as the documentation of `set_pipeline_buffer_size` advises for high concurrency.
const PIPELINE: usize = 1024;
/// More than the default of 8 KiB, as that of `set_write_backpressure_boundary` advises for throughput.
const WRITE_BUFFER: usize = 64 * 1024;

const ANSWERED: &str = "the private server answers";

/// A connection of redis-rs.
#[derive(Clone)]
pub(crate) struct RedisRs<C> {
    connection: C,
    name: &'static str,
}

pub(super) async fn multiplexed(url: &str) -> Result<RedisRs<MultiplexedConnection>, Box<dyn Error>> {
    let config = AsyncConnectionConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_write_backpressure_boundary(WRITE_BUFFER);
    Ok(RedisRs {
        connection: client(url)?
            .get_multiplexed_async_connection_with_config(&config)
            .await?,
        name: "redis-rs multiplexed",
    })
}

pub(super) async fn manager(url: &str) -> Result<RedisRs<ConnectionManager>, Box<dyn Error>> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(None)
        .set_pipeline_buffer_size(PIPELINE)
        .set_write_backpressure_boundary(WRITE_BUFFER);
    Ok(RedisRs {
        connection: client(url)?.get_connection_manager_with_config(config).await?,
        name: "redis-rs manager",
    })
}

fn client(url: &str) -> Result<Client, Box<dyn Error>> {
    // Off by default.
    let settings = TcpSettings::default().set_nodelay(true);
    Ok(Client::open(
        url.into_connection_info()?.set_tcp_settings(settings),
    )?)
}

impl<C: ConnectionLike + Clone + Send + Sync + 'static> Peer for RedisRs<C> {
    fn name(&self) -> &'static str {
        self.name
    }

    async fn get(&mut self, key: &'static str) -> usize {
        let value: Option<Vec<u8>> = self.connection.get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        let () = self.connection.set(key, value).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        self.connection.incr(key, 1).await.expect(ANSWERED)
    }
}
