use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{TryJoinAll, try_join_all};

use super::get::{Get, Lookup};
use super::last::keep_last;
use super::set::{Assign, Assignment, Set};
use crate::database::Handle;
use crate::error::Error;

/// The future of a [`get_many`](crate::get_many).
#[must_use = "gets are sent when their future is polled"]
pub struct GetMany<V: 'static, H: Handle> {
    gets: TryJoinAll<Get<V, H>>,
}

impl<V: 'static, H: Handle> GetMany<V, H> {
    pub(crate) fn new<K: Lookup<Value = V, Handle = H>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self {
            gets: try_join_all(keys.into_iter().map(|key| {
                let (key, handle) = key.into_parts();
                Get::new::<K>(handle, key)
            })),
        }
    }

    pub(crate) fn with<K: Lookup<Value = V>>(handle: &H, keys: impl IntoIterator<Item = K>) -> Self {
        Self {
            gets: try_join_all(
                keys.into_iter()
                    .map(|key| Get::new::<K>(handle.clone(), key.into_parts().0)),
            ),
        }
    }
}

impl<V: 'static, H: Handle> Future for GetMany<V, H> {
    type Output = Result<Vec<Option<V>>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.gets).poll(cx)
    }
}

impl<V: 'static, H: Handle> fmt::Debug for GetMany<V, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetMany").finish_non_exhaustive()
    }
}

/// The future of a [`set_many`](crate::set_many).
#[must_use = "sets are sent when their future is polled"]
pub struct SetMany<H: Handle> {
    sets: TryJoinAll<Set<H>>,
}

impl<H: Handle> SetMany<H> {
    pub(crate) fn new<K: Assign<V, Handle = H>, V>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let assignments = pairs.into_iter().map(|(key, value)| key.assign(value));
        Self::of(assignments.collect())
    }

    pub(crate) fn with<K: Assign<V>, V>(handle: &H, pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        let assignments = pairs
            .into_iter()
            .map(|(key, value)| (key.assign(value).0, handle.clone()));
        Self::of(assignments.collect())
    }

    fn of(mut assignments: Vec<(Assignment, H)>) -> Self {
        keep_last(&mut assignments);
        let sets = assignments
            .into_iter()
            .map(|(assignment, handle)| Set::new(handle, assignment));
        Self {
            sets: try_join_all(sets),
        }
    }
}

impl<H: Handle> Future for SetMany<H> {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.sets).poll(cx).map_ok(|_| ())
    }
}

impl<H: Handle> fmt::Debug for SetMany<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetMany").finish_non_exhaustive()
    }
}
