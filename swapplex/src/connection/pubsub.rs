//! Publish and subscribe, left to redis-rs.

use std::sync::Arc;

use redis::RedisConnectionInfo;
use redis::aio::PubSub;
use tokio::time::Instant;

use crate::database::{Shared, dial_apart, drive};
use crate::error::Error;
use crate::transport::Stream;

/// A new connection as redis-rs's own publish-and-subscribe type.
pub(crate) async fn pubsub(shared: &Arc<Shared>) -> Result<PubSub, Error> {
    let limit = Instant::now() + shared.settings().command_timeout;
    let dialled = dial_apart(shared, limit).await?;
    // Commands don't block here, and it has no request to settle.
    let driven = drive(shared, None)?;
    let end = Box::pin(async move { driven.line().asked().await });
    // The handshake is done: redis-rs has nothing left to say.
    let silent = RedisConnectionInfo::default().set_skip_set_lib_name();
    Ok(PubSub::new(&silent, Stream::new(dialled.transport, dialled.leftover, end)).await?)
}
