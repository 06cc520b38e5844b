//! What is told to `tracing`.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use swapplex::config::{BoxError, Source};
use swapplex::{Client, ConnectionEvent, Database, EnvConnection, NewConnection};
use swapplex_tests::{Answer, RedisServer, ReservedPort, ScriptedServer, child};
use tokio::runtime::{Builder, Runtime};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

/// Everything that is told, a line each.
#[derive(Clone, Default)]
struct Record {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
    lowest: Option<Level>,
}

impl Record {
    /// Begins to listen, for all of this process.
    fn start(lowest: Level) -> Self {
        let record = Self {
            lowest: Some(lowest),
            ..Self::default()
        };
        tracing::subscriber::set_global_default(record.clone()).expect("nobody else listens");
        record
    }

    fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// How many lines have all of these in them.
    fn count(&self, parts: &[&str]) -> usize {
        let lines = self.lines();
        lines
            .iter()
            .filter(|line| parts.iter().all(|part| line.contains(part)))
            .count()
    }

    fn note(&self, metadata: &Metadata<'_>, fields: &str) {
        let line = format!(
            "{} {} {}{fields}",
            metadata.level(),
            metadata.target(),
            metadata.name()
        );
        self.lines.lock().unwrap().push(line);
    }
}

impl Subscriber for Record {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("swapplex") && Some(*metadata.level()) <= self.lowest
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        let mut fields = Text::default();
        span.record(&mut fields);
        self.note(span.metadata(), &fields.0);
        span::Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn record(&self, _span: &span::Id, values: &span::Record<'_>) {
        let mut fields = Text::default();
        values.record(&mut fields);
        self.lines.lock().unwrap().push(format!("recorded{}", fields.0));
    }

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Text::default();
        event.record(&mut fields);
        self.note(event.metadata(), &fields.0);
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {field}={value:?}");
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn connects_losses_replays_and_outboxes_are_told() {
    child::run(
        |_| (),
        || {
            let record = Record::start(Level::TRACE);
            let gets = AtomicU64::new(0);
            let runtime = runtime();
            let _entered = runtime.enter();
            let server = ScriptedServer::start(move |request| match request.name().as_str() {
                "GET" if gets.fetch_add(1, Ordering::Relaxed) == 0 => Answer::nothing().then_close(),
                "GET" => Answer::bulk("value"),
                _ => request.handshake().unwrap_or_else(Answer::ok),
            });
            runtime.block_on(async {
                let client = Client::builder(Source::url(server.url()).unwrap())
                    .on_connect(|_: NewConnection| async { Ok::<(), BoxError>(()) })
                    .build();
                client.get("secret key").await.unwrap();
                client.close().await.unwrap();
            });
            let text = record.lines().join("\n");
            let address = format!("server=127.0.0.1:{}", server.port());
            assert_eq!(
                record.count(&["DEBUG swapplex::connection connect database=the address given in code"]),
                2,
                "{text}"
            );
            assert_eq!(record.count(&["recorded", &address]), 2, "{text}");
            assert_eq!(
                record.count(&["DEBUG swapplex::connection on_connect epoch="]),
                2,
                "{text}"
            );
            for epoch in ["epoch=1", "epoch=2"] {
                assert_eq!(
                    record.count(&["INFO swapplex::connection", "message=connected", &address, epoch]),
                    1,
                    "{text}"
                );
            }
            let lost = [
                "WARN swapplex::connection",
                "message=disconnected",
                "epoch=1",
                "cause=the server closed",
            ];
            assert_eq!(record.count(&lost), 1, "{text}");
            let closed = [
                "DEBUG swapplex::connection",
                "message=disconnected",
                "epoch=2",
                "cause=the client was closed",
            ];
            assert_eq!(record.count(&closed), 1, "{text}");
            assert_eq!(
                record.count(&["DEBUG swapplex::replay", "command=GET", "epoch=1"]),
                1,
                "{text}"
            );
            assert_eq!(
                record.count(&["TRACE swapplex::outbox", "epoch=2", "requests=1", "batches=0"]),
                1,
                "{text}"
            );
            assert!(!text.contains("secret key"), "{text}");
        },
    );
}

#[test]
fn outboxes_say_how_much_they_carried() {
    child::run(
        |_| (),
        || {
            let server = RedisServer::start();
            runtime().block_on(async {
                let client = Client::open(server.url()).unwrap();
                client.set("k", 1).await.unwrap();
                let record = Record::start(Level::TRACE);
                let gets = (0..100).map(|i| client.get(i.to_string()));
                for value in futures_util::future::join_all(gets).await {
                    value.unwrap();
                }
                let sum = |field: &str| -> u64 {
                    let field = format!(" {field}=");
                    let lines = record.lines();
                    lines
                        .iter()
                        .filter_map(|line| line.split(&field).nth(1)?.split(' ').next()?.parse::<u64>().ok())
                        .sum()
                };
                let stats = client.stats();
                assert_eq!(sum("requests"), 100);
                assert_eq!(sum("batches"), stats.batches);
                assert_eq!(sum("batched_keys"), stats.batched_keys);
                assert_eq!(record.lines().len() as u64, stats.outboxes - 1);
            });
        },
    );
}

#[test]
fn failures_say_why_and_when_it_is_tried_again() {
    child::run(
        |_| (),
        || {
            let record = Record::start(Level::INFO);
            let closed = ReservedPort::new().unwrap();
            runtime().block_on(async {
                let client = Client::open(format!("redis://127.0.0.1:{}", closed.number())).unwrap();
                let mut events = client.connection_stream();
                client.ready().await.unwrap_err();
                assert!(matches!(
                    events.next().await,
                    Some(ConnectionEvent::Failed { .. })
                ));
            });
            let failed = [
                "WARN swapplex::connection",
                "message=connecting failed",
                "cause=cannot connect to",
                "next_attempt_in=1.",
            ];
            assert_eq!(record.count(&failed), 1, "{:?}", record.lines());
            assert_eq!(record.lines().len(), 1, "{:?}", record.lines());
        },
    );
}

#[test]
fn variables_without_effect_are_told_once() {
    child::run(
        |command| {
            let server = RedisServer::start();
            command.env("REDIS_URL", server.url());
            command.env("REDIS_HOST", "elsewhere");
            command.env("REDIS_DB", "7");
            server
        },
        || {
            // Nobody listens yet, which must not be the one time.
            runtime().block_on(swapplex::get("k")).unwrap();
            let record = Record::start(Level::WARN);
            for _ in 0..3 {
                runtime().block_on(EnvConnection::get("k")).unwrap();
            }
            let warning = "WARN swapplex::config";
            assert_eq!(
                record.count(&[warning, "variables=REDIS_HOST, REDIS_DB"]),
                1,
                "{:?}",
                record.lines()
            );
            assert_eq!(record.count(&[warning]), 1, "{:?}", record.lines());
        },
    );
}

#[test]
fn misspelt_variables_and_parameters_without_effect_are_told() {
    child::run(
        |command| {
            let server = RedisServer::start();
            command.env(
                "REDIS_URL",
                format!("{}?timeout=5&protocol=resp3&secret", server.url()),
            );
            command.env("REDIS_HSOT", "secret");
            command.env("REDIS_TLS_ENABLED", "secret");
            command.env("REDIS_KEY_PREFIX", "secret");
            server
        },
        || {
            let record = Record::start(Level::WARN);
            for _ in 0..3 {
                runtime().block_on(EnvConnection::get("k")).unwrap();
            }
            let text = record.lines().join("\n");
            let warning = "WARN swapplex::config";
            let misspelt = "variables=REDIS_HSOT, REDIS_TLS_ENABLED";
            let parameters = ["database=REDIS_*", "parameters=2"];
            assert_eq!(record.count(&[warning, misspelt]), 1, "{text}");
            assert_eq!(
                record.count(&[warning, parameters[0], parameters[1]]),
                1,
                "{text}"
            );
            assert_eq!(record.count(&[warning]), 2, "{text}");
            assert!(!text.contains("secret") && !text.contains("PREFIX"), "{text}");
        },
    );
}

#[test]
fn a_node_of_a_cluster_is_told_at_each_connect() {
    child::run(
        |_| (),
        || {
            let record = Record::start(Level::WARN);
            let node = RedisServer::builder().config("cluster-enabled", "yes").start();
            let alone = RedisServer::start();
            runtime().block_on(async {
                for server in [&node, &alone] {
                    let client = Client::builder(Source::url(server.url()).unwrap())
                        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
                        .build();
                    let mut events = client.connection_stream();
                    client.ready().await.unwrap();
                    let _own = client.dedicated().await.unwrap();
                    server.kill_clients();
                    while !matches!(events.next().await, Some(ConnectionEvent::Disconnected { .. })) {}
                    client.ready().await.unwrap();
                }
            });
            let text = record.lines().join("\n");
            let warning = [
                "WARN swapplex::connection",
                "the server is part of a Redis Cluster",
            ];
            let server = format!("server=127.0.0.1:{}", node.port());
            for epoch in ["epoch=1", "epoch=3"] {
                assert_eq!(
                    record.count(&[warning[0], warning[1], &server, epoch]),
                    1,
                    "{text}"
                );
            }
            assert_eq!(record.count(&warning), 2, "{text}");
        },
    );
}

#[test]
fn losing_a_connection_again_and_again_is_told_each_time() {
    child::run(
        |_| (),
        || {
            let record = Record::start(Level::WARN);
            let server = RedisServer::start();
            runtime().block_on(async {
                let client = Client::builder(Source::url(server.url()).unwrap())
                    .reconnect_debounce(Duration::ZERO, Duration::ZERO)
                    .build();
                for _ in 0..5 {
                    client.set("k", 1).await.unwrap();
                    let mut events = client.connection_stream();
                    server.kill_clients();
                    while !matches!(events.next().await, Some(ConnectionEvent::Disconnected { .. })) {}
                }
            });
            assert_eq!(record.count(&["message=disconnected"]), 5, "{:?}", record.lines());
        },
    );
}
