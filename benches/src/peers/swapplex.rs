//! Ourselves, in the two ways that the workloads tell apart.

use redis::AsyncCommands;
use swapplex::ManagedConnection;

use super::Peer;

const ANSWERED: &str = "the private server answers";

/// `swapplex::get` and `swapplex::set`.
#[derive(Clone, Copy)]
pub(crate) struct Batched;

impl Peer for Batched {
    fn name(&self) -> &'static str {
        "swapplex"
    }

    async fn get(&mut self, key: &'static str) -> usize {
        let value = swapplex::get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        swapplex::set(key, value).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        Commands::new().incr(key).await
    }
}

/// The commands of redis-rs's `AsyncCommands`.
#[derive(Clone)]
pub(crate) struct Commands(ManagedConnection);

impl Commands {
    pub(crate) fn new() -> Self {
        Self(swapplex::get_connection())
    }
}

impl Peer for Commands {
    fn name(&self) -> &'static str {
        "swapplex"
    }

    async fn get(&mut self, key: &'static str) -> usize {
        let value: Option<Vec<u8>> = self.0.get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        let () = self.0.set(key, value).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        self.0.incr(key, 1).await.expect(ANSWERED)
    }
}
