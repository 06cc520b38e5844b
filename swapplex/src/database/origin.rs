//! What a connection may belong to: a database that has a type of its own, or a client made at run time.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::events::ConnectionStream;
use super::ready::NotReady;
use super::settle::Unsettled;
use super::shared::Shared;
use crate::batch::{Assign, Get, GetMany, Lookup, Set, SetMany};
use crate::client::Client;
use crate::connection::{Dedicated, ManagedConnection};
use crate::error::Error;
use crate::stats::Stats;

/// A database that has a type of its own, so that nothing needs to be passed around to use it.
///
/// [`#[derive(Database)]`](macro@crate::Database) writes the implementation. Its client is made when it is first used, and
/// lives as long as the program. [`EnvConnection`] is one.
///
/// [`EnvConnection`]: crate::EnvConnection
///
/// # Examples
///
/// ```no_run
/// use swapplex::Database;
///
/// #[derive(Database)]
/// #[swapplex(env = "SESSIONS", default = "redis://127.0.0.1:6379/1")]
/// struct Sessions;
///
/// # async fn example() -> Result<(), swapplex::Error> {
/// let session = Sessions::get("session:7").await?;
/// # Ok(())
/// # }
/// ```
///
/// Without the derive, where the address comes from somewhere else:
///
/// ```
/// use std::sync::OnceLock;
/// use swapplex::{Client, Database, config::Source};
///
/// struct Local;
///
/// impl Database for Local {
///     fn client() -> &'static Client {
///         static CLIENT: OnceLock<Client> = OnceLock::new();
///         CLIENT.get_or_init(|| {
///             let source = Source::url("unix:///run/redis.sock").expect("a valid URL");
///             Client::builder(source).build()
///         })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a database",
    label = "not a database",
    note = "a database is a type with `#[derive(swapplex::Database)]`, or `EnvConnection`"
)]
pub trait Database: Sized + Send + Sync + 'static {
    /// The one client of this database.
    fn client() -> &'static Client;

    /// A connection that implements redis-rs's traits; costs nothing.
    fn connection() -> ManagedConnection<Self> {
        ManagedConnection::new(Static::new())
    }

    /// A connection of your own, with the same address and credentials; see [`Dedicated`].
    ///
    /// # Errors
    ///
    /// As for [`ManagedConnection::dedicated`].
    fn dedicated() -> impl Future<Output = Result<Dedicated, Error>> + Send {
        Self::client().dedicated()
    }

    /// As [`Client::pubsub`], in this database.
    ///
    /// # Errors
    ///
    /// As for [`ManagedConnection::dedicated`].
    fn pubsub() -> impl Future<Output = Result<redis::aio::PubSub, Error>> + Send {
        Self::client().pubsub()
    }

    /// As [`get`](crate::get), from this database, even where a [`Key`](crate::Key) names another one.
    fn get<K: Lookup>(key: K) -> Get<K::Value, Static<Self>> {
        Get::new::<K>(Static::new(), key.into_parts().0)
    }

    /// As [`get_many`](crate::get_many), from this database, even where a [`Key`](crate::Key) names another one.
    fn get_many<K: Lookup>(keys: impl IntoIterator<Item = K>) -> GetMany<K::Value, Static<Self>> {
        GetMany::with(&Static::new(), keys)
    }

    /// As [`set`](crate::set), in this database, even where a [`Key`](crate::Key) names another one.
    fn set<K: Assign<V>, V>(key: K, value: V) -> Set<Static<Self>> {
        Set::new(Static::new(), key.assign(value).0)
    }

    /// As [`set_many`](crate::set_many), in this database, even where a [`Key`](crate::Key) names another one.
    fn set_many<K: Assign<V>, V>(pairs: impl IntoIterator<Item = (K, V)>) -> SetMany<Static<Self>> {
        SetMany::with(&Static::new(), pairs)
    }

    /// As [`ready`](crate::ready), for this database.
    ///
    /// # Errors
    ///
    /// Why it cannot be used now.
    fn ready() -> impl Future<Output = Result<(), NotReady>> + Send {
        Self::client().ready()
    }

    /// As [`close`](crate::close), for this database.
    ///
    /// # Errors
    ///
    /// Where requests were without an answer when the time was up.
    fn close() -> impl Future<Output = Result<(), Unsettled>> + Send {
        Self::client().close()
    }

    /// As [`connection_stream`](crate::connection_stream), for this database.
    fn connection_stream() -> ConnectionStream {
        Self::client().connection_stream()
    }

    /// What this database has done so far.
    fn stats() -> Stats {
        Self::client().stats()
    }
}

/// What a connection belongs to: a [`Database`], or a [`Client`]. Nothing else can be one.
pub trait Origin: sealed::Sealed + 'static {
    /// What a connection holds to reach it.
    type Handle: Handle;
}

impl<D: Database> Origin for D {
    type Handle = Static<D>;
}

impl Origin for Client {
    type Handle = Client;
}

/// Reaches a database at run time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` reaches no database",
    note = "`swapplex::Get` and `swapplex::Set` are futures; the shapes of keys are in `swapplex::shape`: `shape::Set<u64>`"
)]
pub trait Handle: sealed::Sealed + Clone + Send + Sync + Unpin + 'static {
    #[doc(hidden)]
    fn shared(&self) -> &Arc<Shared>;
}

/// Reaches a database that has a type of its own, in no space.
pub struct Static<D>(PhantomData<fn() -> D>);

impl<D> Static<D> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<D> Clone for Static<D> {
    fn clone(&self) -> Self {
        Self::new()
    }
}

impl<D> fmt::Debug for Static<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<D>())
    }
}

impl<D: Database> Handle for Static<D> {
    #[inline]
    fn shared(&self) -> &Arc<Shared> {
        D::client().shared()
    }
}

/// Reaches a database that has a type of its own, or a client in place of it, in the space of a pointer.
pub struct Place<D> {
    client: Option<Client>,
    database: PhantomData<fn() -> D>,
}

impl<D> Place<D> {
    /// The client that the database has.
    pub(crate) const fn own() -> Self {
        Self {
            client: None,
            database: PhantomData,
        }
    }

    pub(crate) const fn on(client: Client) -> Self {
        Self {
            client: Some(client),
            database: PhantomData,
        }
    }
}

impl<D> Clone for Place<D> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            database: PhantomData,
        }
    }
}

impl<D> fmt::Debug for Place<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Some(client) => client.fmt(f),
            None => f.write_str(std::any::type_name::<D>()),
        }
    }
}

impl<D: Database> Handle for Place<D> {
    #[inline]
    fn shared(&self) -> &Arc<Shared> {
        self.client.as_ref().unwrap_or_else(|| D::client()).shared()
    }
}

impl Handle for Client {
    #[inline]
    fn shared(&self) -> &Arc<Shared> {
        Client::shared(self)
    }
}

mod sealed {
    #[expect(unnameable_types, reason = "that is what seals the traits")]
    pub trait Sealed {}
    impl<D: super::Database> Sealed for D {}
    impl Sealed for super::Client {}
    impl<D: super::Database> Sealed for super::Static<D> {}
    impl<D: super::Database> Sealed for super::Place<D> {}
}
