//! Callers that go away in the middle, and those that panic: the others' answers come all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::Client;
use swapplex::config::{Secret, Source};
use swapplex_tests::{RedisServer, poll_times};
use tokio::time::timeout;

use crate::oracle::Load;

/// Within which the others have to be answered.
const PROMPTLY: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_35_futures_dropped_at_any_poll_disturb_nobody() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let load = Load::full(&server);
    let is_over = Arc::new(AtomicBool::new(false));
    let droppers: Vec<_> = (0..64_u64)
        .map(|task| {
            let (client, is_over) = (client.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut random = task + 1;
                let mut dropped = 0_u64;
                while !is_over.load(Ordering::Relaxed) {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    let mut conn = client.connection();
                    let polls = random >> 40;
                    // The first of these may well be the one that opens an outbox.
                    tokio::join!(
                        poll_times(client.get("dropped"), polls % 4),
                        poll_times(client.set("dropped", task), polls / 4 % 4),
                        poll_times(conn.incr::<_, _, u64>("dropped:n", 1), polls / 16 % 4),
                    );
                    dropped += 3;
                }
                dropped
            })
        })
        .collect();
    let account = load.run(&client).await;
    is_over.store(true, Ordering::Relaxed);
    let mut dropped = 0;
    for dropper in droppers {
        dropped += timeout(Duration::from_secs(30), dropper)
            .await
            .expect("nothing hangs")
            .unwrap();
    }
    account.assert_untroubled();
    println!("{dropped} dropped; {}", account.settle(&server));
    assert!(account.longest() < PROMPTLY, "{:?}", account.longest());
    assert_eq!(client.stats().losses, 0);
}

/// A task's waker that panics when it is told of the answer.
struct Panics(AtomicU64);

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
        panic!("on purpose");
    }
}

#[tokio::test]
async fn row_35_a_waker_that_panics_takes_nobody_with_it() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("k", "v").await.unwrap();
    let panics = Arc::new(Panics(AtomicU64::new(0)));
    let waker = Waker::from(Arc::clone(&panics));
    for place in 0..8 {
        // All in one outbox, each a task of its own, and one of them woken in vain.
        let mut given_up = Vec::new();
        let mut others = Vec::new();
        for i in 0..8 {
            if i == place {
                let mut get = Box::pin(client.get("k"));
                let _ = get.as_mut().poll(&mut Context::from_waker(&waker));
                given_up.push(get);
            } else {
                let mut get = Box::pin(client.get("k"));
                let is_pending = get
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending();
                assert!(is_pending, "one thread, so nothing is answered yet");
                others.push(tokio::spawn(get));
            }
        }
        for other in others {
            let value = timeout(PROMPTLY, other)
                .await
                .expect("the others are answered")
                .unwrap();
            assert_eq!(value.unwrap().as_deref(), Some(&b"v"[..]));
        }
    }
    assert_eq!(panics.0.load(Ordering::Relaxed), 8);
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_35_credentials_that_panic_once_are_asked_again() {
    let server = RedisServer::builder().password("right").start();
    let asked = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&asked);
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::from_millis(10), Duration::ZERO)
        .credentials(move || {
            let first = counter.fetch_add(1, Ordering::Relaxed) == 0;
            async move {
                assert!(!first, "on purpose");
                Ok((None, Secret::new("right")))
            }
        })
        .build();
    let gets = timeout(PROMPTLY, join_all((0..64).map(|_| client.get("k"))))
        .await
        .expect("nobody waits for ever");
    assert!(gets.iter().all(Result::is_ok), "the next attempt succeeds");
    let load = Load::full(&server);
    let account = load.run(&client).await;
    account.assert_untroubled();
    println!("{}", account.settle(&server));
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}
