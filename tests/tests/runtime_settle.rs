//! What is under way on a connection when its runtime ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use swapplex::runtime::Builder;
use swapplex::{Client, Error};
use swapplex_tests::RedisServer;

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
            let mut set = std::pin::pin!(client.set(format!("settle:{i}"), i));
            let mut is_first = true;
            let result: Result<(), Error> = std::future::poll_fn(|cx| {
                let poll = set.as_mut().poll(cx);
                if std::mem::take(&mut is_first) {
                    begun.fetch_add(1, Ordering::Relaxed);
                }
                poll
            })
            .await;
            let outcome = if result.is_ok() {
                &seen.answered
            } else {
                &seen.failed
            };
            outcome.fetch_add(1, Ordering::Relaxed);
        });
    }
    while begun.load(Ordering::Relaxed) < tasks {
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_thousand_sets_under_way_when_main_returns_are_all_sent_and_answered() {
    for workers in [0, 1, 2, 4] {
        let server = RedisServer::start();
        let client = Client::open(server.url()).unwrap();
        let seen = Arc::new(Seen::default());
        let mut builder = match workers {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        if workers > 0 {
            builder.worker_threads(workers);
        }
        builder.enable_all().build().unwrap().run(async {
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

#[test]
fn a_server_that_does_not_answer_holds_the_end_up_to_its_deadline_only() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let seen = Arc::new(Seen::default());
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(2)
        .enable_all()
        .end_deadline(Duration::from_millis(300));
    let began = builder.build().unwrap().run(async {
        client.set("warm", "up").await.unwrap();
        server.pause();
        begin(&client, 1000, &seen).await;
        Instant::now()
    });
    // Generous: the command timeout, which would be the next thing to end it, is 5 s.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    server.resume();
}
