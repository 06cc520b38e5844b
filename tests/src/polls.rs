//! Futures that are given up.

use std::future;
use std::pin::pin;
use std::task::Poll;

use tokio::task::yield_now;

/// Polls a future so often, with other tasks in between, or until it is ready, and then drops it.
pub async fn poll_times(future: impl Future, polls: u64) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let is_ready = future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await;
        if is_ready {
            return;
        }
        yield_now().await;
    }
}
