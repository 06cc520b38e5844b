//! A database made at run time.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::batch::{Assign, Get, GetMany, Lookup, Set, SetMany};
use crate::config::{BoxError, ConfigError, Credentials, Source};
use crate::connection::{Dedicated, ManagedConnection, NewConnection, pubsub};
use crate::database::{
    ConnectionStream, Destination, NotReady, Shared, Unsettled, is_ready, settle_and_close,
};
use crate::error::Error;
use crate::replay::Replay;
use crate::settings::{FOR_EVER, MAX_REPLY, Settings};
use crate::stats::Stats;

/// A database made at run time: the same as [`EnvConnection`](crate::EnvConnection) without a type or the environment.
///
/// Connects when it is first used, and keeps one connection per Tokio runtime. Clones share everything; when the last
/// one, and the last connection and future made from it, are dropped, what is under way is still answered, and the
/// connection is closed. A [`connection_stream`](Self::connection_stream) does not count: it ends then.
///
/// # Examples
///
/// ```no_run
/// use redis::AsyncCommands;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let client = swapplex::Client::open("redis://127.0.0.1:6379/1")?;
/// client.set("greeting", "hello").await?;
/// assert_eq!(client.get("greeting").await?.as_deref(), Some(&b"hello"[..]));
/// let visits: u64 = client.connection().incr("visits", 1).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// A client for the database that a URL names, with default settings.
    ///
    /// # Errors
    ///
    /// Where the URL names no database. Whether there is a server behind it shows when the client is first used.
    pub fn open(url: impl AsRef<str>) -> Result<Self, ConfigError> {
        Ok(Self::builder(Source::url(url)?).build())
    }

    /// A client with settings of its own. The source is read at each connect.
    pub fn builder(source: Source) -> ClientBuilder {
        ClientBuilder {
            destination: Destination::new(source),
            settings: Settings::default(),
        }
    }

    /// A connection that implements redis-rs's traits; costs no more than a clone of the client.
    pub fn connection(&self) -> ManagedConnection<Self> {
        ManagedConnection::new(self.clone())
    }

    /// A connection of your own, with the same address and credentials; see [`Dedicated`].
    ///
    /// # Errors
    ///
    /// As for [`ManagedConnection::dedicated`].
    pub async fn dedicated(&self) -> Result<Dedicated, Error> {
        self.connection().dedicated().await
    }

    /// A connection for publish and subscribe, with the same address and credentials: redis-rs's own.
    ///
    /// It is closed when it is dropped, and ends when it is lost: to follow a channel for long, make it again then and
    /// expect to have missed messages.
    ///
    /// Messages that nobody reads are kept, however many there are: read them as they come, or drop what gives them.
    ///
    /// # Errors
    ///
    /// As for [`ManagedConnection::dedicated`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: swapplex::Client) -> redis::RedisResult<()> {
    /// let mut pubsub = client.pubsub().await?;
    /// pubsub.subscribe("news").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pubsub(&self) -> Result<redis::aio::PubSub, Error> {
        pubsub(&self.shared).await
    }

    /// As [`get`](crate::get), from this database, even where a [`Key`](crate::Key) names another one.
    pub fn get<K: Lookup>(&self, key: K) -> Get<K::Value, Self> {
        Get::new::<K>(self.clone(), key.into_parts().0)
    }

    /// As [`get_many`](crate::get_many), from this database, even where a [`Key`](crate::Key) names another one.
    pub fn get_many<K: Lookup>(&self, keys: impl IntoIterator<Item = K>) -> GetMany<K::Value, Self> {
        GetMany::with(self, keys)
    }

    /// As [`set`](crate::set), in this database, even where a [`Key`](crate::Key) names another one.
    pub fn set<K: Assign<V>, V>(&self, key: K, value: V) -> Set<Self> {
        Set::new(self.clone(), key.assign(value).0)
    }

    /// As [`set_many`](crate::set_many), in this database, even where a [`Key`](crate::Key) names another one.
    pub fn set_many<K: Assign<V>, V>(&self, pairs: impl IntoIterator<Item = (K, V)>) -> SetMany<Self> {
        SetMany::with(self, pairs)
    }

    /// As [`ready`](crate::ready), for this database.
    ///
    /// # Errors
    ///
    /// Why it cannot be used now.
    pub async fn ready(&self) -> Result<(), NotReady> {
        is_ready(Arc::clone(&self.shared)).await
    }

    /// As [`close`](crate::close), for this database: for every clone of the client and everything made from it.
    ///
    /// # Errors
    ///
    /// Where requests were without an answer when the time was up.
    pub async fn close(&self) -> Result<(), Unsettled> {
        settle_and_close(Arc::clone(&self.shared)).await
    }

    /// As [`connection_stream`](crate::connection_stream), for this database.
    pub fn connection_stream(&self) -> ConnectionStream {
        ConnectionStream::new(&self.shared)
    }

    /// What this database has done so far.
    pub fn stats(&self) -> Stats {
        self.shared.counters().read()
    }

    #[inline]
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`] to be.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ClientBuilder {
    destination: Destination,
    settings: Settings,
}

impl ClientBuilder {
    /// How long one attempt to connect may take, handshake included. 2 s by default.
    ///
    /// Where the host has several addresses, each is tried beside those before it, 250 ms after the last one or at once
    /// where one of them fails; the first that answers serves.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.settings.connect_timeout = timeout.min(FOR_EVER);
        self
    }

    /// How long a request may take, waiting for a connection and retries included. 5 s by default.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.settings.command_timeout = timeout.min(FOR_EVER);
        self
    }

    /// How far apart reconnects are at least, and how much longer at most, at random.
    ///
    /// 1500 ms and 500 ms by default. The first reconnect after a quiet time is immediate whatever is set here; with
    /// a pause of zero all are, but for those after a failure, which are a millisecond apart.
    pub fn reconnect_debounce(mut self, pause: Duration, jitter: Duration) -> Self {
        self.settings.reconnect_debounce = pause.min(FOR_EVER);
        self.settings.reconnect_jitter = jitter.min(FOR_EVER);
        self
    }

    /// How many bytes of requests, and of what is kept to await their replies (64 for each, 1,600 for one that travels
    /// alone), may be under way before further requests wait. 16 MiB by default. One request larger than that is let in
    /// alone. Replies themselves don't count: their size is known when they come, and bounded one by one by
    /// [`reply_limit`](Self::reply_limit).
    pub fn in_flight_budget(mut self, bytes: usize) -> Self {
        self.settings.in_flight_budget = bytes;
        self
    }

    /// How many bytes one reply may have, headers included. 1 GiB by default, 4,000,000,000 at most.
    ///
    /// A longer one is not read, which ends the connection for all who share it: what they have under way ends, or is sent
    /// again, as after [any loss](crate::docs::delivery). So does the request that it answers: where it may be sent again,
    /// it costs two shared connections, and two that it has alone, until it is clear that
    /// [it is to blame](crate::docs::delivery#requests-that-break-connections), and ends with
    /// [`NoReply::Breaks`](crate::NoReply::Breaks). The cause is
    /// [`ProtocolError::TooLarge`](crate::ProtocolError::TooLarge).
    pub fn reply_limit(mut self, bytes: usize) -> Self {
        self.settings.reply_limits.max_frame_bytes = bytes.min(MAX_REPLY);
        self
    }

    /// How many lists of one reply may be open inside one another; a deeper one ends the connection, as one over the
    /// [`reply_limit`](Self::reply_limit) does. 64 by default, 96 at most.
    pub fn reply_depth_limit(mut self, depth: usize) -> Self {
        self.settings.reply_limits.max_depth = depth;
        self
    }

    /// What may be sent again where a connection is lost: [`Replay::Idempotent`] by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use swapplex::{Client, Replay, config::Source};
    ///
    /// # fn main() -> Result<(), swapplex::config::ConfigError> {
    /// let client = Client::builder(Source::env("SESSIONS"))
    ///     .replay(Replay::Reads)
    ///     .build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn replay(mut self, level: Replay) -> Self {
        self.settings.replay = level;
        self
    }

    /// Asks `credentials` at each connect for a password, and perhaps a user name, in place of the configured ones.
    ///
    /// The time that it takes counts as time to connect. Where it fails, its error is told to every caller who waits,
    /// and it is asked again at the next attempt.
    ///
    /// # Examples
    ///
    /// ```
    /// use swapplex::Client;
    /// use swapplex::config::{BoxError, Secret, Source};
    ///
    /// async fn token() -> Result<Secret, BoxError> {
    ///     Ok(Secret::new("issued a moment ago"))
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder(Source::url("rediss://app@redis.example")?)
    ///     .credentials(|| async { Ok((None, token().await?)) })
    ///     .build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn credentials(mut self, credentials: impl Credentials) -> Self {
        self.destination.credentials = Some(Arc::new(credentials));
        self
    }

    /// Runs `hook` on each new connection, before any command that waits for one.
    ///
    /// For what every connection, or every server that is connected to, needs: functions and scripts, `CLIENT TRACKING`,
    /// `CLIENT NO-EVICT`. It runs on the shared connection alone, not on [dedicated](Dedicated) ones, once per Tokio
    /// runtime and reconnect. Send commands on the connection that it is given: those sent in any other way wait for it to
    /// be done.
    ///
    /// Its time counts as time to connect, which [`connect_timeout`](Self::connect_timeout) limits. Where it returns
    /// an error, panics or is late, the connection is closed, the attempt counts as failed, with
    /// [`ConnectError::OnConnect`](crate::ConnectError::OnConnect) as cause, and the next one begins when the debounce
    /// allows. The error's own text is shown to users, so it must hold no secret.
    ///
    /// For a database with a type of its own: `#[swapplex(on_connect = function)]`.
    ///
    /// # Examples
    ///
    /// ```
    /// use redis::RedisResult;
    /// use swapplex::config::Source;
    /// use swapplex::{Client, NewConnection};
    ///
    /// async fn load_functions(mut connection: NewConnection) -> RedisResult<()> {
    ///     let library = "#!lua name=shop\nredis.register_function('total', function() return 0 end)";
    ///     redis::cmd("FUNCTION").arg(&["LOAD", "REPLACE", library]).exec_async(&mut connection).await
    /// }
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = Client::builder(Source::env("REDIS")).on_connect(load_functions).build();
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_connect<F, Fut, E>(mut self, hook: F) -> Self
    where
        F: Fn(NewConnection) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        self.destination.on_connect = Some(Arc::new(move |connection| {
            let running = hook(connection);
            Box::pin(async { running.await.map_err(Into::into) })
        }));
        self
    }

    /// A PEM file of the certificate authorities to trust in place of the system's, read at each connect.
    ///
    /// As all of TLS, of effect only for `rediss://`, and with the cargo feature `tls`. From the environment:
    /// `REDIS_TLS_CA_FILE`.
    pub fn tls_ca_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.destination.tls.ca = Some(path.into());
        self
    }

    /// PEM files of the certificate chain to show to the server and of its private key, read at each connect.
    ///
    /// From the environment: `REDIS_TLS_CERT_FILE` and `REDIS_TLS_KEY_FILE`.
    pub fn tls_client_certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.destination.tls.cert = Some(chain.into());
        self.destination.tls.key = Some(key.into());
        self
    }

    /// The name that a TLS server has to prove to have, where that is not the host of the address: behind a tunnel, or
    /// where the address is an IP address and the certificate holds none. Without effect without TLS.
    pub fn tls_server_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.destination.server_name = Some(name.into());
        self
    }

    /// The client. It connects when it is first used.
    pub fn build(self) -> Client {
        Client {
            shared: Arc::new(Shared::new(self.destination, self.settings)),
        }
    }
}
