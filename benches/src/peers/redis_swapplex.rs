//! redis-swapplex 0.13, which swapplex is the successor of. Finds the server by `REDIS_URL`, as swapplex does.

use redis_0_27::AsyncCommands;

use super::Peer;

const ANSWERED: &str = "the private server answers";

#[derive(Clone, Copy)]
pub(crate) struct RedisSwapplex;

impl Peer for RedisSwapplex {
    fn name(&self) -> &'static str {
        "redis-swapplex 0.13"
    }

    async fn get(&mut self, key: &'static str) -> usize {
        let value = redis_swapplex::get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        redis_swapplex::set(key, value).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        redis_swapplex::get_connection()
            .incr(key, 1)
            .await
            .expect(ANSWERED)
    }
}
