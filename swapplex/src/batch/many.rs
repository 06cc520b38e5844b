use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{TryJoinAll, try_join_all};

use super::get::{Get, Lookup};
use crate::database::Origin;
use crate::error::Error;

/// The future of a [`get_many`](crate::get_many).
#[must_use = "gets are sent when their future is polled"]
pub struct GetMany<K: Lookup, D: Origin> {
    gets: TryJoinAll<Get<K, D>>,
}

impl<K: Lookup, D: Origin> GetMany<K, D> {
    pub(crate) fn new(handle: &D::Handle, keys: impl IntoIterator<Item = K>) -> Self {
        Self {
            gets: try_join_all(keys.into_iter().map(|key| Get::new(handle.clone(), key))),
        }
    }
}

impl<K: Lookup, D: Origin> Future for GetMany<K, D> {
    type Output = Result<Vec<Option<K::Value>>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.gets).poll(cx)
    }
}

impl<K: Lookup, D: Origin> fmt::Debug for GetMany<K, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").finish_non_exhaustive()
    }
}
