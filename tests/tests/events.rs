//! What those who follow a database's connections are told.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_util::StreamExt;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, LostCause};
use swapplex_tests::{RedisServer, ReservedPort};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_connection_that_ends_with_its_runtime_is_no_longer_live() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let first = current_thread();
    first.block_on(client.set("k", 1)).unwrap();
    let mut before = client.connection_stream();
    drop(first);

    let mut after = client.connection_stream();
    current_thread().block_on(async {
        assert!(matches!(
            before.next().await,
            Some(ConnectionEvent::Connected { epoch: 1, .. })
        ));
        let event = timeout(FOR_EVER, before.next()).await.expect("told of the end");
        let Some(ConnectionEvent::Disconnected { epoch: 1, cause, .. }) = &event else {
            panic!("{event:?}")
        };
        assert!(matches!(**cause, LostCause::RuntimeEnded), "{cause}");

        client.set("k", 2).await.unwrap();
        let event = after.next().await;
        assert!(
            matches!(event, Some(ConnectionEvent::Connected { epoch: 2, .. })),
            "{event:?}"
        );
    });
}

#[tokio::test]
async fn a_failure_says_when_the_next_attempt_begins_jitter_included() {
    let closed = ReservedPort::new().unwrap();
    let client = Client::builder(Source::url(format!("redis://127.0.0.1:{}", closed.number())).unwrap())
        .reconnect_debounce(Duration::from_millis(1), Duration::from_millis(100))
        .command_timeout(Duration::from_millis(1))
        .build();
    let mut events = client.connection_stream();
    client.get("k").await.unwrap_err();
    let mut due = None;
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let Some(ConnectionEvent::Failed { next_attempt, .. }) = events.next().await else {
            panic!("nothing listens")
        };
        let now = Instant::now();
        assert!(due.is_none_or(|due| now >= due), "not before it was announced");
        longest = longest.max(next_attempt.saturating_duration_since(now));
        due = Some(next_attempt);
    }
    assert!(longest > Duration::from_millis(10), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_told_of_a_connection_finds_it_and_no_failure_from_before() {
    let server = RedisServer::builder().user("app on >right ~* +@all").start();
    for round in 0..50 {
        let password = format!("right-{round}");
        let client = Client::builder(Source::url(server.url_as("app", &password)).unwrap())
            .reconnect_debounce(Duration::from_millis(1), Duration::ZERO)
            .build();
        let mut events = client.connection_stream();
        client.get("k").await.unwrap_err();
        server.ok(&["ACL", "SETUSER", "app", &format!(">{password}")]);
        while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
        client.get("k").await.unwrap();
    }
}

#[tokio::test]
async fn who_follows_a_client_does_not_keep_it_and_is_told_all_up_to_its_end() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let follower = tokio::spawn(client.connection_stream().collect::<Vec<_>>());
    client.set("k", "v").await.unwrap();
    let mut kept = client.connection();
    drop(client);
    let () = redis::cmd("PING").exec_async(&mut kept).await.unwrap();
    drop(kept);

    let seen = timeout(FOR_EVER, follower)
        .await
        .expect("the stream ends")
        .unwrap();
    let [
        ConnectionEvent::Connected { epoch: 1, .. },
        ConnectionEvent::Disconnected { epoch: 1, cause, .. },
    ] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert!(matches!(**cause, LostCause::Closed), "{cause}");
}

#[tokio::test]
async fn the_stream_of_a_client_that_never_connected_ends_with_it() {
    let client = Client::open("redis://127.0.0.1:1").unwrap();
    let follower = tokio::spawn(client.connection_stream().collect::<Vec<_>>());
    tokio::task::yield_now().await;
    drop(client);
    let seen = timeout(FOR_EVER, follower)
        .await
        .expect("the stream ends")
        .unwrap();
    assert!(seen.is_empty(), "{seen:?}");
}

/// Stands for the memory that a task's waker keeps.
struct Task;

impl Wake for Task {
    fn wake(self: Arc<Self>) {}
}

#[tokio::test]
async fn who_no_longer_follows_is_forgotten() {
    let client = Client::open("redis://127.0.0.1:1").unwrap();
    let tasks: Vec<Arc<Task>> = (0..100).map(|_| Arc::new(Task)).collect();
    let mut kept = client.connection_stream();
    for task in &tasks {
        let waker = Waker::from(Arc::clone(task));
        let mut dropped = client.connection_stream();
        for stream in [&mut kept, &mut dropped] {
            let next = pin!(stream.next());
            assert!(next.poll(&mut Context::from_waker(&waker)).is_pending());
        }
    }
    let held: usize = tasks.iter().map(|task| Arc::strong_count(task) - 1).sum();
    assert_eq!(
        held, 1,
        "only the last task that polled the stream that is still there"
    );
}

/// What `on_connect` fails with: other people's, with a drop of its own.
struct Looking(Client);

impl Drop for Looking {
    fn drop(&mut self) {
        drop(self.0.connection_stream());
    }
}

impl fmt::Debug for Looking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looking")
    }
}

impl fmt::Display for Looking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it only looks")
    }
}

impl std::error::Error for Looking {}

#[test]
fn an_error_may_look_at_the_events_when_it_is_dropped() {
    let server = RedisServer::start();
    let own = Arc::new(OnceLock::new());
    let (told, attempts) = mpsc::channel();
    let hook = {
        let own: Arc<OnceLock<Client>> = Arc::clone(&own);
        move |_| {
            // Nobody listens once the test is over.
            let _ = told.send(());
            let error = Looking(own.get().unwrap().clone());
            async move { Err::<(), _>(error) }
        }
    };
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .on_connect(hook)
        .build();
    own.set(client.clone()).unwrap();
    let runtime = current_thread();
    // Blocked for good, it would not even end.
    thread::spawn(move || runtime.block_on(client.get("k")));
    for _ in 0..300 {
        attempts.recv_timeout(FOR_EVER).expect("another attempt");
    }
}
