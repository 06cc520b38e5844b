//! Coming from redis-rs's `ConnectionManager`: what to change, and what behaves in another way.
//!
//! A `ConnectionManager` is one multiplexed connection that is made again when it is lost, and so is what swapplex gives
//! you. The traits are the same, so most code that uses a connection stays as it is. What changes is how you come by one,
//! and what becomes of the commands that were under way when it was lost. What is said of `ConnectionManager` here was
//! checked against redis-rs 1.8.
//!
//! # Cargo.toml
//!
//! ```toml
//! [dependencies]
//! swapplex = "0.1"        # with features = ["tls"] in place of redis-rs's TLS features
//! redis = { version = "1.8", default-features = false, features = ["script"] }
//! ```
//!
//! redis-rs stays, for its traits and types: `AsyncCommands`, `cmd`, `pipe`, `Script`. The features `connection-manager`,
//! `tokio-comp` and those for TLS can go. You need the version that swapplex depends on, or the traits are others.
//!
//! # Setting up
//!
//! ```text
//! let client = redis::Client::open(std::env::var("REDIS_URL")?)?;
//! let config = ConnectionManagerConfig::new().set_response_timeout(Some(Duration::from_secs(5)));
//! let manager = client.get_connection_manager_with_config(config).await?;
//! let state = State { manager, .. };
//! ```
//!
//! becomes nothing at all: [`get_connection`](crate::get_connection) reads `REDIS_URL` (or `REDIS_HOST` and so
//! on, see [`config`](crate::config)) when it first connects. There is nothing to put into your state, and nothing
//! to clone:
//!
//! ```no_run
//! use redis::{AsyncCommands, RedisResult};
//!
//! async fn visit(user: u64) -> RedisResult<u64> {
//!     let mut connection = swapplex::get_connection(); // was: state.manager.clone()
//!     connection.incr(format!("visits:{user}"), 1).await
//! }
//! ```
//!
//! Where you do want to pass it around, or have an address in code, a [`Client`](crate::Client) is the same as a value, and
//! [`#[derive(Database)]`](macro@crate::Database) as a type with variables of its own. Whatever takes a
//! `ConnectionLike` takes a [`ManagedConnection`](crate::ManagedConnection).
//!
//! ```no_run
//! use std::time::Duration;
//! use swapplex::{Client, config::Source};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Source::url("redis://cache:6379/1")?)
//!     .command_timeout(Duration::from_secs(1))
//!     .build();
//! // A manager connects as it is made, a client when it is used.
//! let mut connection = client.connection();
//! redis::cmd("PING").exec_async(&mut connection).await?;
//! # Ok(())
//! # }
//! ```
//!
//! What fails here is a [`ConfigError`](crate::config::ConfigError), and a [`NotReady`](crate::NotReady) where you wait for
//! the server. `?` makes of both what your functions return already, redis-rs's error, or swapplex's own:
//!
//! ```no_run
//! async fn connect() -> redis::RedisResult<swapplex::Client> {
//!     let client = swapplex::Client::open("redis://cache:6379/1")?;
//!     client.ready().await?;
//!     Ok(client)
//! }
//! ```
//!
//! A manager tries to connect several times as it is made. Here that is what the first command does: it waits for a
//! connection until its time is up. [`ready`](crate::Client::ready) waits for nothing but the attempt under way: after one
//! that failed it gives the same error until the next one, 1.5 to 2 s later. So a service that may start before its
//! server, and wants to wait for it longer than a command does, asks again:
//!
//! ```no_run
//! use std::time::{Duration, Instant};
//!
//! # async fn example(client: swapplex::Client) -> Result<(), swapplex::NotReady> {
//! let limit = Instant::now() + Duration::from_secs(60);
//! while let Err(reason) = client.ready().await {
//!     // Wrong credentials, or a URL that is none, won't be right in a moment.
//!     if reason.is_permanent() || Instant::now() > limit {
//!         return Err(reason);
//!     }
//!     eprintln!("waiting for Redis: {reason}");
//!     tokio::time::sleep(Duration::from_millis(500)).await;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Settings
//!
//! | `ConnectionManagerConfig` | here | |
//! |---|---|---|
//! | `set_connection_timeout`, 1 s | [`connect_timeout`](crate::ClientBuilder::connect_timeout), 2 s | handshake included |
//! | `set_response_timeout`, 500 ms | [`command_timeout`](crate::ClientBuilder::command_timeout), 5 s | covers the wait for a connection and what is sent again, too. [For one handle](crate::ManagedConnection::command_timeout) it can be another |
//! | `set_number_of_retries`, 6; `set_min_delay`, `set_max_delay`, `set_exponent_base` | [`reconnect_debounce`](crate::ClientBuilder::reconnect_debounce) | the first reconnect is immediate, the next ones are 1.5 to 2 s apart, and there is no last one |
//! | `set_pipeline_buffer_size`, 50 requests; `set_concurrency_limit`, `set_write_backpressure_boundary` | [`in_flight_budget`](crate::ClientBuilder::in_flight_budget), 16 MiB | in bytes, of requests and what awaits their replies |
//! | `set_credentials_provider` | [`credentials`](crate::ClientBuilder::credentials) | asked at each connect; a connection that lives on is not authenticated again |
//! | `set_push_sender`, `set_automatic_resubscription` | [`pubsub`](crate::Client::pubsub) | see below |
//! | `set_cache_config` | not there yet | |
//!
//! The URL is read as redis-rs reads it, with one difference that may show: RESP3 is the default. Where there were arrays
//! and strings, there are maps, sets, doubles, booleans, and pairs that are arrays of their own. `FromRedisValue` makes the
//! same of both for most types; what you have to look for is
//!
//! - pairs that are read into a flat list, such as a `Vec<String>` of `HGETALL`, `CONFIG GET`, `HRANDFIELD … WITHVALUES`,
//!   `ZRANGE … WITHSCORES` or `ZPOPMIN` with a count: that is an error. `Vec<(K, V)>` reads them in both protocols;
//! - pairs of the last three that are read into a `HashMap`, which is an error, too. For `HGETALL` and `CONFIG GET` it is
//!   right in both;
//! - one pair that is read into a tuple of two, as in `zpopmin::<_, (String, f64)>("z", 1)`, which is an error, and comes when
//!   the member is gone: `Vec<(String, f64)>` reads it in both protocols. Scores that are read as bytes are an error, too;
//! - code that matches on `Value`.
//!
//! `?protocol=resp2` brings the arrays and strings back.
//!
//! # Lost connections
//!
//! | | `ConnectionManager` | swapplex |
//! |---|---|---|
//! | what was sent and not answered | fails with an I/O error | sent again where [the rules](super::delivery) say that it does no harm; else [`OutcomeUnknown`](crate::Error::OutcomeUnknown) |
//! | what was not sent yet | fails with the same error | sent on the next connection |
//! | what comes while there is no connection | waits for the attempts under way, and fails with them | waits inside its deadline, then [`NotExecuted`](crate::Error::NotExecuted) |
//! | a refusal at reconnect, such as a wrong password | is, after its retries, the answer from then on, until the manager is made anew | is the answer at once, and goes away when an attempt succeeds: they go on |
//! | who notices that an idle connection is gone | with RESP3 the manager, with RESP2 the next command | the database, with both |
//!
//! So a loop of your own around commands, which tries again at I/O errors, can go. If it was there for writes, too, look at
//! it twice: some of what it sent again had been executed. What is left to decide is in your hands:
//!
//! ```no_run
//! use redis::{AsyncCommands, RedisResult};
//! use swapplex::Error;
//!
//! # async fn example() -> RedisResult<()> {
//! let mut connection = swapplex::get_connection();
//! match connection.lpush::<_, _, u64>("jobs", "7").await {
//!     Ok(length) => println!("{length} jobs"),
//!     Err(error) => match Error::inside(&error) {
//!         Some(Error::OutcomeUnknown { .. }) => println!("there once, or not at all"),
//!         Some(Error::NotExecuted(_)) => println!("not there"),
//!         _ => return Err(error),
//!     },
//! }
//! # Ok(())
//! # }
//! ```
//!
//! To redis-rs's own questions, `is_timeout`, `is_connection_dropped` and so on, such an error answers as one of
//! redis-rs's would; its `kind` is always `Io`. What is refused for good, as with a wrong password, is no dropped connection.
//!
//! # Pipelines, scripts, scans
//!
//! Nothing to change. A pipeline that is not atomic may also end as an `OutcomeUnknown` that stands for a part of it.
//!
//! # Transactions
//!
//! `WATCH` is about a connection, and on one that is shared it watches for everybody: on clones of a manager, two
//! transactions get into each other's way. Here the shared connection refuses it, and you take one of your own:
//!
//! ```no_run
//! use redis::{AsyncCommands, RedisResult, aio::transaction_async};
//!
//! async fn double(key: &str) -> RedisResult<i64> {
//!     let connection = swapplex::get_connection().dedicated().await?; // was: manager.clone()
//!     let (value,) = transaction_async(connection, &[key], |mut connection, mut pipeline| async move {
//!         let value: i64 = connection.get(key).await?;
//!         pipeline.set(key, 2 * value).ignore().get(key).query_async(&mut connection).await
//!     })
//!     .await?;
//!     Ok(value)
//! }
//! ```
//!
//! `pipe().atomic()` without `WATCH` stays on the shared one. What else is about a connection (`SELECT`, `CLIENT
//! TRACKING`, `WAIT`, …) is refused in the same way, with a word on what to use instead.
//!
//! # Blocking commands
//!
//! On a manager, `BLPOP` keeps all who share it waiting, and is given up after the response timeout, so a second manager
//! without a timeout is what one takes. Here `BLPOP` and its kin move to a connection of their own, with the time that
//! they ask for on top of the timeout. That second manager can go; a worker that does nothing but wait may keep one
//! [`dedicated`](crate::ManagedConnection::dedicated) connection and save making one each time.
//!
//! [`Error::is_closed`](crate::Error::is_closed) has the loop of a worker that takes jobs from a list. To end it,
//! [`close`](crate::close) the database: the pop that waits is then answered as if its time were up, and loses nothing. A
//! `select!` between the pop and a signal would drop the pop, and with it the job that the server may just have given out.
//! A worker that is killed loses the job that it has; `BLMOVE` to a list of its own keeps that.
//!
//! # Publish and subscribe
//!
//! `PUBLISH` is a command like any other. Subscriptions have a connection of their own, and it is redis-rs's type. A
//! manager that was told to resubscribe does so by itself; here it is a loop of yours, which is also where you find out
//! that messages were missed, as they are with both:
//!
//! ```no_run
//! use std::time::Duration;
//! use futures_util::StreamExt;
//!
//! # async fn catch_up() {}
//! # async fn handle(_: redis::Msg) {}
//! async fn follow() {
//!     loop {
//!         match listen().await {
//!             Ok(()) => eprintln!("the subscription is lost"),
//!             Err(error) if error.is_closed() => return,
//!             Err(error) => eprintln!("no subscription: {error}"),
//!         }
//!         tokio::time::sleep(Duration::from_millis(500)).await;
//!     }
//! }
//!
//! async fn listen() -> Result<(), swapplex::Error> {
//!     // Waits for a connection, as commands do, and no longer than they may.
//!     let mut pubsub = swapplex::get_connection().pubsub().await?;
//!     pubsub.subscribe("news").await?;
//!     // What was published when nobody listened.
//!     catch_up().await;
//!     let mut messages = pubsub.on_message();
//!     while let Some(message) = messages.next().await {
//!         handle(message).await;
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # What else is different
//!
//! - **Runtimes.** A manager lives on the runtime that it was made on. Here each runtime has a connection of its own, so
//!   that tests, of which each has a runtime, can share a database; see [`testing`](super::testing). Tokio only. A request
//!   belongs to the runtime on which it was first polled, with its deadline: await it there, or keep that one running (a
//!   current-thread runtime runs only inside of its `block_on`).
//! - **Order.** A manager sends in the order in which commands were issued on all of its clones. Here that holds for the
//!   commands of one task that it issues without being suspended in between, and for what it issues once it has an answer,
//!   or has given a write up; as long as there is a connection. See [`batching`](super::batching#order).
//! - **Batching.** Commands of the same moment share a write without your doing. [`get`](crate::get) and
//!   [`set`](crate::set), next to those of `AsyncCommands`, share an `MGET` or `MSET` as well.
//! - **The end.** When a runtime ends, a manager's commands are cut off wherever they are. [`close`](crate::close) waits for
//!   what is under way, and so does the end of [`swapplex::main`](macro@crate::main).
//! - **Watching.** [`connection_stream`](crate::connection_stream) tells of each connection, [`stats`](crate::Stats) counts,
//!   [`ready`](crate::ready) is for probes.
//! - **Setting a connection up.** What a manager's connections never learn again after a reconnect, such as functions to
//!   load, is for the hook [`on_connect`](crate::ClientBuilder::on_connect).
//!
//! # What isn't there
//!
//! - Redis Cluster and Sentinel are planned. For those, stay with redis-rs for now.
//! - The client-side cache of `cache-aio`.
//! - Pushes: what the server sends unasked on the shared connection can't be listened to.
//! - Attributes: what RESP3 lets a server say about a reply, in front of it, is left out.
//! - `MONITOR`, other runtimes than Tokio, and synchronous code: use a `redis::Client` beside it, with the same
//!   configuration, which is also a way to move over piece by piece:
//!
//! ```no_run
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let target = swapplex::config::Source::env("REDIS").load()?;
//! let client = redis::Client::open(target.info)?;
//! # Ok(())
//! # }
//! ```
