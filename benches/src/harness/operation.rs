//! What a task does again and again.

use super::data::{self, VALUE};
use crate::peers::Peer;

/// One operation on one key, with a look at the answer.
pub(crate) trait Operation: Send + 'static {
    fn run<P: Peer>(peer: &mut P, key: usize) -> impl Future<Output = ()> + Send;
}

pub(crate) struct Get;

impl Operation for Get {
    async fn run<P: Peer>(peer: &mut P, key: usize) {
        let length = peer.get(data::key(key)).await;
        assert_eq!(length, VALUE.len(), "{} got something else", peer.name());
    }
}

pub(crate) struct Set;

impl Operation for Set {
    async fn run<P: Peer>(peer: &mut P, key: usize) {
        peer.set(data::key(key), VALUE).await;
    }
}

pub(crate) struct Incr;

impl Operation for Incr {
    async fn run<P: Peer>(peer: &mut P, key: usize) {
        let count = peer.incr(data::counter(key)).await;
        assert!(count > 0, "{} counted to {count}", peer.name());
    }
}
