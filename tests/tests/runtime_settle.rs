//! What is under way on a connection when its runtime ends.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use swapplex::runtime::Builder;
use swapplex::{Client, Error};
use swapplex_tests::RedisServer;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};

#[derive(Default)]
struct Seen {
    answered: AtomicUsize,
    failed: AtomicUsize,
}

/// Has so many tasks set a key each and get another, and returns when all of them have begun.
async fn begin(client: &Client, tasks: usize, seen: &Arc<Seen>) {
    let begun = Arc::new(AtomicUsize::new(0));
    for i in 0..tasks {
        let (client, seen, begun) = (client.clone(), Arc::clone(seen), Arc::clone(&begun));
        tokio::spawn(async move {
            let both = async { tokio::try_join!(client.set(format!("settle:{i}"), i), client.get("warm")) };
            let mut both = std::pin::pin!(both);
            let mut is_first = true;
            let result: Result<((), Option<Bytes>), Error> = std::future::poll_fn(|cx| {
                let poll = both.as_mut().poll(cx);
                if std::mem::take(&mut is_first) {
                    begun.fetch_add(1, Ordering::Relaxed);
                }
                poll
            })
            .await;
            let is_answered = matches!(&result, Ok(((), Some(value))) if value == "up");
            let outcome = if is_answered { &seen.answered } else { &seen.failed };
            outcome.fetch_add(1, Ordering::Relaxed);
        });
    }
    while begun.load(Ordering::Relaxed) < tasks {
        tokio::task::yield_now().await;
    }
}

/// Notes the counts of unsettled requests that are reported, with their level.
#[derive(Clone, Default)]
struct Reports(Arc<Mutex<Vec<(Level, u64)>>>);

impl Subscriber for Reports {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut found = Unsettled(None);
        event.record(&mut found);
        if let Some(count) = found.0 {
            self.0.lock().unwrap().push((*event.metadata().level(), count));
        }
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

/// What an event says in its field `unsettled`.
struct Unsettled(Option<u64>);

impl Visit for Unsettled {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "unsettled" {
            self.0 = Some(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn fmt::Debug) {}
}

/// A runtime with so many workers; with none, a current-thread one.
fn builder(workers: usize) -> Builder {
    let mut builder = match workers {
        0 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if workers > 0 {
        builder.worker_threads(workers);
    }
    builder.enable_all();
    builder
}

#[test]
fn a_thousand_sets_and_gets_under_way_when_main_returns_are_all_sent_and_answered() {
    for workers in [0, 1, 2, 4] {
        let server = RedisServer::start();
        let client = Client::open(server.url()).unwrap();
        let seen = Arc::new(Seen::default());
        builder(workers).build().unwrap().run(async {
            client.set("warm", "up").await.unwrap();
            begin(&client, 1000, &seen).await;
        });
        let keys = server.ok(&["DBSIZE"]).integer();
        assert_eq!(keys, 1001, "{workers} workers");
        assert_eq!(seen.failed.load(Ordering::Relaxed), 0, "{workers} workers");
        assert!(server.clients().is_empty(), "the connection is closed");
        drop(client);
    }
}

// The only test here that comes to report anything: tracing asks whoever comes first to a report whether it is
// wanted, and takes a no of another test's thread for everybody's.
#[test]
fn requests_that_a_silent_server_leaves_at_the_deadline_are_counted_in_tracing() {
    for workers in [0, 1, 2, 4] {
        let server = RedisServer::start();
        let client = Client::open(server.url()).unwrap();
        let seen = Arc::new(Seen::default());
        let runtime = builder(workers)
            .end_deadline(Duration::from_millis(300))
            .build()
            .unwrap();
        let reports = Reports::default();
        // The end runs on the thread that drops the runtime.
        let began = tracing::subscriber::with_default(reports.clone(), || {
            runtime.run(async {
                client.set("warm", "up").await.unwrap();
                server.pause();
                begin(&client, 1000, &seen).await;
                Instant::now()
            })
        });
        // Generous: the command timeout, which would be the next thing to end it, is 5 s.
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        server.resume();
        assert_eq!(
            *reports.0.lock().unwrap(),
            [(Level::WARN, 2000)],
            "{workers} workers"
        );
        assert_eq!(seen.answered.load(Ordering::Relaxed), 0, "{workers} workers");
    }
}
