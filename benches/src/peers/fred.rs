//! fred 10. It pipelines by itself, and has no response timeout unless asked. Its other setting for performance,
//! `max_feed_count`, made no difference between 50 and 5000, so it is left alone.

use std::error::Error;

use bytes::Bytes;
use fred::clients::Client;
use fred::interfaces::{ClientLike, KeysInterface};
use fred::types::Builder;
use fred::types::config::Config;

use super::Peer;

const ANSWERED: &str = "the private server answers";

#[derive(Clone)]
pub(crate) struct Fred(Client);

impl Fred {
    pub(super) async fn connect(url: &str) -> Result<Self, Box<dyn Error>> {
        let client = Builder::from_config(Config::from_url(url)?)
            .with_connection_config(|config| config.tcp.nodelay = Some(true))
            .build()?;
        client.init().await?;
        Ok(Self(client))
    }
}

impl Peer for Fred {
    fn name(&self) -> &'static str {
        "fred"
    }

    async fn get(&mut self, key: &'static str) -> usize {
        // A slice of the buffer that it was read into, as with swapplex.
        let value: Option<Bytes> = self.0.get(key).await.expect(ANSWERED);
        value.map_or(0, |value| value.len())
    }

    async fn set(&mut self, key: &'static str, value: &'static str) {
        let () = self.0.set(key, value, None, None, false).await.expect(ANSWERED);
    }

    async fn incr(&mut self, key: &'static str) -> i64 {
        self.0.incr_by(key, 1).await.expect(ANSWERED)
    }
}
