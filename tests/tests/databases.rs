//! Databases that have a type of their own.

use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use env_url::{ParseError, ServiceURL, Url};
use redis::{AsyncCommands, RedisResult};
use swapplex::config::Source;
use swapplex::shape::{Counter, Value};
use swapplex::{Client, ClientBuilder, ConnectionEvent, Database, Error, NewConnection, NotReady, RedisKeys};
use swapplex_tests::{RedisServer, child};
use tokio::runtime::Runtime;

/// Everything about a database whose type was imported by nobody.
mod unimported {
    #[derive(swapplex::Database)]
    #[swapplex(env = "PLAIN", default = "redis://127.0.0.1:6379/1")]
    pub(crate) struct Plain;

    #[derive(Clone, Copy, Debug, swapplex::Database)]
    #[swapplex(env = "BRACES")]
    pub(crate) struct Braces {}

    #[derive(swapplex::Database)]
    #[swapplex(env = "PARENTHESES")]
    pub(crate) struct Parentheses();
}

/// A crate that passes swapplex on.
mod facade {
    pub(crate) mod inner {
        pub(crate) use swapplex as redis_layer;
    }
}

#[derive(facade::inner::redis_layer::Database)]
#[swapplex(crate = "crate::facade::inner::redis_layer", env = "PASSED_ON")]
struct PassedOn;

/// Names that the derive uses, taken by others.
mod shadowed {
    #![allow(dead_code, non_camel_case_types, reason = "what is here is in the way")]

    mod std {}
    mod core {}
    struct Client;
    struct Option;
    fn configure() {}
    static CLIENT: () = ();

    trait Fluent: Sized {
        fn get_or_init<F>(self, _: F) {}
        fn replay<R>(self, _: R) {}
        fn on_connect<H>(self, _: H) {}
        fn build(self) {}
    }

    impl<T> Fluent for T {}

    #[derive(swapplex::Database)]
    #[swapplex(env = "SHADOWED", replay = "reads", configure = builder, on_connect = hook)]
    pub(crate) struct Shadowed;

    async fn hook(_: swapplex::NewConnection) -> Result<(), redis::RedisError> {
        Ok(())
    }

    fn builder(builder: swapplex::ClientBuilder) -> swapplex::ClientBuilder {
        builder
    }
}

macro_rules! declare {
    ($name:ident, $env:literal, $configure:expr) => {
        #[derive(Database)]
        #[swapplex(env = $env, configure = $configure)]
        struct $name;
    };
}

declare!(Declared, "DECLARED", |builder| builder
    .command_timeout(Duration::from_secs(1)));

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://127.0.0.1:1/1")]
struct Sessions;

#[derive(Database)]
#[swapplex(env = "CACHE", configure = hasty)]
struct Cache;

fn hasty(builder: ClientBuilder) -> ClientBuilder {
    builder.command_timeout(Duration::from_millis(50))
}

#[derive(Database)]
#[swapplex(env = "STORE", replay = "never")]
struct Once;

#[derive(Database)]
#[swapplex(env = "STORE", replay = "always")]
struct AtLeastOnce;

#[derive(Database)]
#[swapplex(env = "HOOKED", on_connect = set_up)]
struct Hooked;

async fn set_up(mut connection: NewConnection) -> RedisResult<()> {
    connection.set("set up", 1).await
}

#[derive(RedisKeys)]
#[swapplex(prefix = "session", database = Sessions)]
struct Keys {
    #[key("{token}")]
    user: fn(token: &str) -> Value<u64>,
    #[key("count")]
    count: fn() -> Counter,
}

/// As env-url's derive has it, but for where it looks.
#[derive(Database)]
#[swapplex(service_url)]
struct Elsewhere;

static PORT: AtomicU16 = AtomicU16::new(0);

impl ServiceURL for Elsewhere {
    fn service_url() -> Result<Url, ParseError> {
        Url::parse(&format!("redis://127.0.0.1:{}/3", PORT.load(Ordering::Relaxed)))
    }
}

#[derive(env_url::EnvURL, Database)]
#[env_url(env_prefix = "QUEUE", default = "redis://127.0.0.1:6379/3")]
#[swapplex(service_url)]
struct Queue;

fn runtime() -> Runtime {
    Runtime::new().unwrap()
}

#[test]
fn the_derive_needs_no_import_and_no_particular_names() {
    fn is_database<D: Database>() -> bool {
        D::stats() == swapplex::Stats::default()
    }
    assert!(is_database::<unimported::Plain>());
    assert!(is_database::<unimported::Braces>());
    assert!(is_database::<unimported::Parentheses>());
    assert!(is_database::<PassedOn>());
    assert!(is_database::<shadowed::Shadowed>());
    assert!(is_database::<Declared>());
    assert!(is_database::<Queue>());
}

#[test]
fn everything_works_for_a_database_with_variables_of_its_own() {
    child::run(
        |command| {
            let (default, own) = (RedisServer::start(), RedisServer::start());
            command.env("REDIS_URL", default.url());
            command.env("SESSIONS_PORT", own.port().to_string());
            (default, own)
        },
        || {
            runtime().block_on(async {
                let mut events = Sessions::connection_stream();
                let connected = tokio::spawn(swapplex::on_connected::<Sessions>());
                Sessions::ready().await.unwrap();
                assert!(matches!(
                    events.next().await,
                    Some(ConnectionEvent::Connected { epoch: 1, .. })
                ));
                connected.abort();
                Sessions::set("a", 1).await.unwrap();
                Sessions::set_many([("b", 2), ("c", 3)]).await.unwrap();
                assert_eq!(Sessions::get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
                assert_eq!(Sessions::get_many(["b", "c"]).await.unwrap().len(), 2);
                Keys::user("abc").set(&7).await.unwrap();
                assert_eq!(Keys::count().incr(2).await.unwrap(), 2);
                let mut connection = Sessions::connection();
                let user: u64 = connection.get("session:abc").await.unwrap();
                assert_eq!(user, 7);
                let db: String = redis::cmd("CLIENT")
                    .arg("INFO")
                    .query_async(&mut connection)
                    .await
                    .unwrap();
                assert!(
                    db.contains(" db=1 "),
                    "the default's, and only the port is set: {db}"
                );
                let mut own = Sessions::dedicated().await.unwrap();
                let count: u64 = own.get("session:count").await.unwrap();
                assert_eq!(count, 2);
                drop(Sessions::pubsub().await.unwrap());
                assert_eq!(Sessions::stats().connects, 1);

                // They have nothing in common.
                assert_eq!(swapplex::get("a").await.unwrap(), None);
                Sessions::close().await.unwrap();
                assert!(matches!(Sessions::get("a").await, Err(Error::NotExecuted(_))));
                swapplex::ready().await.unwrap();
                swapplex::close().await.unwrap();
                assert!(matches!(swapplex::ready().await, Err(NotReady::Connect(_))));
            });
        },
    );
}

#[test]
fn a_function_changes_the_settings() {
    child::run(
        |command| {
            let server = RedisServer::start();
            command.env("CACHE_URL", server.url());
            command.env("PID", server.pid().to_string());
            server
        },
        || {
            runtime().block_on(async {
                Cache::set("k", 1).await.unwrap();
                // The server stands still for longer than this database's commands may take, and not for longer than
                // they may by default.
                let mut patient = Cache::connection().command_timeout(Duration::from_secs(5));
                let sleep = redis::cmd("DEBUG").arg("SLEEP").arg(0.5).to_owned();
                let (slept, error) = tokio::join!(sleep.query_async::<String>(&mut patient), Cache::get("k"));
                assert!(matches!(error, Err(Error::Timeout { .. })), "{error:?}");
                slept.unwrap();
            });
        },
    );
}

#[test]
fn what_may_be_sent_again_is_a_databases_own_matter() {
    child::run(
        |command| {
            let server = RedisServer::start();
            command.env("STORE_URL", server.url());
            server
        },
        || {
            runtime().block_on(async {
                let control = Client::builder(Source::env("STORE")).build();
                let mut control = control.connection();
                Once::ready().await.unwrap();
                AtLeastOnce::ready().await.unwrap();
                // Writes are sent, and not executed before their connections are closed.
                let client = || redis::cmd("CLIENT");
                let () = client()
                    .arg(&["PAUSE", "10000", "WRITE"])
                    .query_async(&mut control)
                    .await
                    .unwrap();
                let kill = async {
                    loop {
                        let list: String = client().arg("LIST").query_async(&mut control).await.unwrap();
                        if list.contains("cmd=set") && list.contains("cmd=incr") {
                            break;
                        }
                    }
                    let _: usize = client()
                        .arg(&["KILL", "TYPE", "normal", "SKIPME", "yes"])
                        .query_async(&mut control)
                        .await
                        .unwrap();
                    let () = client().arg("UNPAUSE").query_async(&mut control).await.unwrap();
                };
                let mut counting = AtLeastOnce::connection();
                let (set, count, ()) =
                    tokio::join!(Once::set("key", 1), counting.incr::<_, _, u64>("count", 1), kill);
                assert!(matches!(set, Err(Error::OutcomeUnknown { .. })), "{set:?}");
                assert_eq!(count.unwrap(), 1);
            });
        },
    );
}

#[test]
fn a_function_sets_each_connection_up() {
    child::run(
        |command| {
            let server = RedisServer::start();
            command.env("HOOKED_URL", server.url());
            server
        },
        || {
            let value = runtime().block_on(Hooked::get("set up")).unwrap();
            assert_eq!(value.as_deref(), Some(&b"1"[..]));
        },
    );
}

#[test]
fn a_type_of_env_urls_is_asked_where_to_connect() {
    let server = RedisServer::start();
    PORT.store(server.port(), Ordering::Relaxed);
    runtime().block_on(async {
        Elsewhere::set("k", 1).await.unwrap();
        assert!(server.info("keyspace")["db3"].starts_with("keys=1,"));
        Elsewhere::close().await.unwrap();
    });
}

#[test]
fn a_database_can_still_be_written_by_hand() {
    use std::sync::OnceLock;

    struct Local;

    impl Database for Local {
        fn client() -> &'static Client {
            static CLIENT: OnceLock<Client> = OnceLock::new();
            CLIENT.get_or_init(|| Client::builder(Source::env("LOCAL")).build())
        }
    }

    assert_eq!(Local::stats().dials, 0);
}

#[tokio::test]
async fn whoever_configured_no_address_is_told_so() {
    let source = Source::env_or("NAMED_NOWHERE", "redis://127.0.0.1:1");
    let text = hasty(Client::builder(source))
        .build()
        .get("k")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("cannot connect to 127.0.0.1:1: ")
            && text.ends_with("; that is the default address, since NAMED_NOWHERE_* names no host"),
        "{text}"
    );
}

#[test]
fn whoever_misspelt_what_names_the_address_is_told_so_in_the_error() {
    child::run(
        |command| {
            command.env("MISSPELT_HSOT", "db.example");
        },
        || {
            let client = hasty(Client::builder(Source::env_or("MISSPELT", "redis://127.0.0.1:1"))).build();
            let text = runtime().block_on(client.get("k")).unwrap_err().to_string();
            assert!(
                text.ends_with("since MISSPELT_* names no host (set without effect: MISSPELT_HSOT)"),
                "{text}"
            );
        },
    );
}
