//! The peers: clients that are given the same work as swapplex.
//!
//! Each has one connection, shared by all tasks, as swapplex has; `TCP_NODELAY` on, as swapplex has; no response
//! timeout, although swapplex keeps its own; and reads a value as whatever costs it least.

mod fred;
mod redis_rs;
mod redis_swapplex;
mod rustis;
mod swapplex;

use std::error::Error;

use ::redis::aio::{ConnectionManager, MultiplexedConnection};

pub(crate) use self::fred::Fred;
pub(crate) use self::redis_rs::RedisRs;
pub(crate) use self::redis_swapplex::RedisSwapplex;
pub(crate) use self::rustis::Rustis;
pub(crate) use self::swapplex::{Batched, Commands};

/// One client, as one task has it.
pub(crate) trait Peer: Clone + Send + Sync + 'static {
    fn name(&self) -> &'static str;

    /// Gets a value and gives its length.
    fn get(&mut self, key: &'static str) -> impl Future<Output = usize> + Send;

    fn set(&mut self, key: &'static str, value: &'static str) -> impl Future<Output = ()> + Send;

    /// Adds one, by `INCRBY`: that is what redis-rs's `AsyncCommands::incr` sends, so everybody has it sent.
    fn incr(&mut self, key: &'static str) -> impl Future<Output = i64> + Send;
}

/// The connections of one runtime.
#[derive(Clone)]
pub(crate) struct Peers {
    pub(crate) multiplexed: RedisRs<MultiplexedConnection>,
    pub(crate) manager: RedisRs<ConnectionManager>,
    pub(crate) fred: Fred,
    pub(crate) rustis: Rustis,
}

impl Peers {
    /// Connects everybody but those who do so by themselves, from the runtime that is to drive the connections.
    pub(crate) async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            multiplexed: redis_rs::multiplexed(url).await?,
            manager: redis_rs::manager(url).await?,
            fred: Fred::connect(url).await?,
            rustis: Rustis::connect(url).await?,
        })
    }
}
