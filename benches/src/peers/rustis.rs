//! rustis. A clone of its client shares the connection; `TCP_NODELAY` is on and there is no response timeout unless
//! asked. `max_messages_per_wave`, its setting for performance, was best at its default.

use std::error::Error;

use rustis::client::Client;
use rustis::commands::StringCommands;
use rustis::resp::BulkString;

use super::Peer;

const ANSWERED: &str = "the private server answers";

#[derive(Clone)]
pub(crate) struct Rustis(Client);

impl Rustis {
    pub(super) async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self(Client::connect(url).await?))
    }
}

impl Peer for Rustis {
    fn name(&self) -> &'static str {
        "rustis"
    }

    async fn get(&mut self, key: &'static str) -> usize {
        let value: Option<BulkString> = self.0.get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        self.0.set(key, value).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        self.0.incrby(key, 1).await.expect(ANSWERED)
    }
}
