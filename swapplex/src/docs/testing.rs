//! How to test a program that uses this: against a real server that is the test's own.
//!
//! # Why there is no fake
//!
//! A client that keeps its keys in memory would be quick to write for `GET` and `SET`, and would then be asked for
//! scripts, streams, times to live, `WRONGTYPE`, `OOM` and whatever the next version of the server adds. What makes tests
//! of a program with Redis worth having is where the server does something else than its author thought: a time to
//! live that a `SET` discards, an `EXEC` that is half done, a reply of another type. A fake answers those questions as
//! *its* author thought, and tests that pass against it say nothing about the server. What it could offer in
//! return is speed, and a server that keeps nothing on disk starts within some tens of milliseconds, once for all tests of a
//! program, and answers on a Unix socket in less time than it takes a test to start its runtime. So tests here run what
//! production runs: the same connection, the same batching, the same errors.
//!
//! # A server for each test program
//!
//! This is all that it takes, with nothing but the standard library. It listens on a socket in a directory of its own,
//! so that there is no port to fight over, and ends with the program even if that is killed. Each call gives the
//! URL of another database of that server, an empty one. Put it beside what it tests, as `private_server.rs`; in a
//! folder of tests of their own, as `tests/private_server/mod.rs`, since Cargo takes a file there for a test.
//!
//! ```no_run
//! use std::os::unix::net::UnixStream;
//! use std::process::{Child, Command, Stdio};
//! use std::sync::OnceLock;
//! use std::sync::atomic::{AtomicUsize, Ordering};
//! use std::time::{Duration, Instant};
//!
//! /// Runs the server until our end of the pipe closes, which is when this process ends, however it does.
//! const SCRIPT: &str = r#"
//! "${SWAPPLEX_REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$1/redis.sock" --unixsocketperm 700 --dir "$1" \
//!     --save "" --appendonly no --databases 10000 >"$1/log" 2>&1 &
//! read -r _
//! kill $!
//! rm -rf "$1"
//! "#;
//!
//! /// The URL of a database that nobody else has, on a server of this process.
//! pub(crate) fn url() -> String {
//!     static SERVER: OnceLock<Result<(Child, String), String>> = OnceLock::new();
//!     static DATABASES: AtomicUsize = AtomicUsize::new(0);
//!     let server = SERVER.get_or_init(start).as_ref();
//!     let (_, socket) = server.expect("a redis-server on the PATH, or SWAPPLEX_REDIS_SERVER");
//!     let db = DATABASES.fetch_add(1, Ordering::Relaxed);
//!     format!("unix://{socket}?db={db}")
//! }
//!
//! /// # Errors
//! ///
//! /// What is in the log of a server that has not started.
//! fn start() -> Result<(Child, String), String> {
//!     let directory = std::env::temp_dir().join(format!("test-redis-{}", std::process::id()));
//!     std::fs::create_dir_all(&directory).expect("a directory for temporary files");
//!     let mut shell = Command::new("sh")
//!         .args(["-c", SCRIPT, "sh"])
//!         .arg(&directory)
//!         .stdin(Stdio::piped())
//!         .spawn()
//!         .expect("a shell");
//!     let socket = directory.join("redis.sock");
//!     let started = Instant::now();
//!     while UnixStream::connect(&socket).is_err() {
//!         if started.elapsed() > Duration::from_secs(10) {
//!             let log = std::fs::read_to_string(directory.join("log"));
//!             drop(shell.stdin.take());
//!             let _ = shell.wait();
//!             return Err(log.unwrap_or_default());
//!         }
//!         std::thread::sleep(Duration::from_millis(2));
//!     }
//!     Ok((shell, socket.display().to_string()))
//! }
//! # assert!(url().starts_with("unix://"));
//! ```
//!
//! `SWAPPLEX_REDIS_SERVER` names a server that is not on the `PATH`, such as `valkey-server`.
//!
//! # A test with a client of its own
//!
//! Where the code under test is given its [`Client`](crate::Client), or its keys are put [`on`](crate::Key::on) one, each
//! test opens its own. It starts with an empty database, and whatever it leaves behind is in nobody's way.
//!
//! ```no_run
//! # mod private_server { pub fn url() -> String { String::new() } }
//! use swapplex::{Client, RedisKeys, shape::Counter};
//!
//! #[derive(RedisKeys)]
//! struct Keys {
//!     #[key("visits:{page}")]
//!     visits: fn(page: &str) -> Counter,
//! }
//!
//! async fn visit(client: &Client, page: &str) -> Result<i64, swapplex::Error> {
//!     Keys::visits(page).on(client).incr(1).await
//! }
//!
//! #[tokio::test]
//! async fn visits_are_counted() {
//!     let client = Client::open(private_server::url()).unwrap();
//!     assert_eq!(visit(&client, "home").await.unwrap(), 1);
//!     assert_eq!(visit(&client, "home").await.unwrap(), 2);
//! }
//! ```
//!
//! # Tests that share a static database
//!
//! A database that has a type is one for the whole program, and so for all of its tests. Lead it elsewhere in tests:
//!
//! ```no_run
//! # mod private_server { pub fn url() -> String { String::new() } }
//! #[cfg_attr(not(test), derive(swapplex::Database), swapplex(env = "SESSIONS"))]
//! pub struct Sessions;
//!
//! #[cfg(test)]
//! impl swapplex::Database for Sessions {
//!     fn client() -> &'static swapplex::Client {
//!         use std::sync::OnceLock;
//!         static CLIENT: OnceLock<swapplex::Client> = OnceLock::new();
//!         CLIENT.get_or_init(|| swapplex::Client::open(private_server::url()).expect("a valid URL"))
//!     }
//! }
//! ```
//!
//! Tests in a folder of their own (`tests/`) see the program as it is, without `cfg(test)`. There, and for the database
//! of [`get_connection`](crate::get_connection), variables say where to go: `REDIS_URL=… SESSIONS_URL=… cargo test`. Set them
//! outside: a test that sets a variable changes it for all who run at the same time, and Rust calls that unsafe for
//! a reason.
//!
//! Each `#[tokio::test]` has a runtime of its own, and so a connection of its own to the database; hundreds of them, one
//! after the other or at once, don't disturb each other. With [`#[swapplex::test]`](macro@crate::test) requests that a test
//! left under way are answered before it ends.
//!
//! What would disturb them is a test that [closes](crate::Database::close) the database: it is closed on every runtime that
//! uses it at that moment, so the tests that run at the same time end with
//! [`NotExecuted`](crate::Error::NotExecuted). A test of how things end has a client of its own, or, where the program closes
//! a static database itself, is the only one in its file of `tests/`, and so in its process:
//!
//! ```no_run
//! # mod private_server { pub fn url() -> String { String::new() } }
//! # use swapplex::{Client, Error};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::open(private_server::url())?;
//! client.set("order:7", "paid").await?;
//! client.close().await?;
//! let late = client.set("order:8", "paid").await;
//! assert!(matches!(late, Err(Error::NotExecuted(_))));
//! # Ok(())
//! # }
//! ```
//!
//! What they share is the keys. Tests stay apart by what their keys are about: a user, a token, an order with an id that
//! no other test has. `concat!(module_path!(), "/name of the test")` is one. A
//! [`prefix`](macro@crate::RedisKeys#options-of-the-struct-swapplex) keeps *programs* apart, where a server is used by
//! several, for example one that all developers of a team share; it is a constant, so that tests run with the keys that
//! production has. Don't `FLUSHDB` in a test that shares its database.
//!
//! # Errors on demand
//!
//! What a program does when a reply is lost is worth a test, and a real server can lose one. Hold writes back for
//! longer than they may take:
//!
//! ```no_run
//! use std::time::Duration;
//! use swapplex::{Client, Error, config::Source};
//!
//! # async fn example(url: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder(Source::url(url)?)
//!     .command_timeout(Duration::from_millis(100))
//!     .build();
//! let mut administrator = client.dedicated().await?;
//! let () = redis::cmd("CLIENT")
//!     .arg(&["PAUSE", "60000", "WRITE"])
//!     .query_async(&mut administrator)
//!     .await?;
//! let outcome = client.set("key", "value").await;
//! assert!(matches!(outcome, Err(Error::OutcomeUnknown { .. })));
//! # Ok(())
//! # }
//! ```
//!
//! This holds back everybody's writes, so it wants a server that no other test uses at the time. A client for an address
//! where nobody listens gives [`NotExecuted`](crate::Error::NotExecuted).
//!
//! Don't pause Tokio's clock (`start_paused`) around requests: it would jump to their deadline while they wait for the
//! network.
