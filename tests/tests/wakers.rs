//! Wakers are their tasks' own code, and subscribers their program's: they may call back, and they may panic.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use swapplex::config::Source;
use swapplex::{Client, Error};
use swapplex_tests::{Direction, Flow, Proxy, RedisServer};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::{Event, Metadata, Subscriber, span};

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

struct Hooked<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Hooked<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn hooked(hook: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(Hooked(hook)).into()
}

/// Panics once: Tokio's own timers don't survive that, and the future that is polled with this has one.
fn careless() -> Waker {
    let has_panicked = AtomicBool::new(false);
    hooked(move || {
        assert!(
            has_panicked.swap(true, Ordering::Relaxed),
            "the waker's own panic"
        );
    })
}

fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// A client with a set under way that takes all of its budget, and is answered once the proxy lets replies through.
async fn without_room(proxy: &Proxy) -> (Client, JoinHandle<Result<(), Error>>) {
    let settings = Client::builder(Source::url(proxy.url()).unwrap());
    let client = settings.in_flight_budget(2000).build();
    client.set("warm", "up").await.unwrap();
    proxy.set(Direction::Replies, Flow::Hold);
    let sent = proxy.traffic().requests;
    let under_way = tokio::spawn(client.set("large", vec![b'x'; 3000]));
    proxy.until(|traffic| traffic.requests > sent + 3000).await;
    (client, under_way)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_room_may_call_back_when_woken() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let (client, large) = without_room(&proxy).await;
    let was_woken = Arc::new(AtomicBool::new(false));
    let waker = {
        let (client, was_woken) = (client.clone(), Arc::clone(&was_woken));
        hooked(move || {
            was_woken.store(true, Ordering::Relaxed);
            let _ = poll_once(&mut client.get("warm"), Waker::noop());
        })
    };
    let mut waiting = client.get("warm");
    assert!(poll_once(&mut waiting, &waker).is_pending());
    proxy.set(Direction::Replies, Flow::Pass);
    timeout(FOR_EVER, large).await.unwrap().unwrap().unwrap();
    assert!(timeout(FOR_EVER, waiting).await.unwrap().unwrap().is_some());
    assert!(was_woken.load(Ordering::Relaxed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_room_and_panics_when_woken_harms_nobody_else() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let (client, large) = without_room(&proxy).await;
    let mut waiting = client.get("warm");
    assert!(poll_once(&mut waiting, &careless()).is_pending());
    proxy.set(Direction::Replies, Flow::Pass);
    timeout(FOR_EVER, large).await.unwrap().unwrap().unwrap();
    assert!(
        timeout(FOR_EVER, client.get("warm"))
            .await
            .unwrap()
            .unwrap()
            .is_some()
    );
    assert_eq!(client.stats().losses, 0);
}

/// Panics at the first answer.
struct Careless(AtomicUsize);

impl Subscriber for Careless {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "swapplex::outbox"
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, _: &Event<'_>) {
        assert!(
            self.0.fetch_add(1, Ordering::Relaxed) > 0,
            "the subscriber's own panic"
        );
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn a_subscriber_that_panics_takes_nobodys_answer() {
    let _guard = tracing::subscriber::set_default(Careless(AtomicUsize::new(0)));
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    for _ in 0..3 {
        // Answered, or told that nobody drives the connection any more; the next one makes another.
        let _ = timeout(FOR_EVER, client.set("k", "v")).await.unwrap();
    }
    assert!(
        timeout(FOR_EVER, client.get("k"))
            .await
            .unwrap()
            .unwrap()
            .is_some()
    );
}
