//! Futures dropped, polled for nothing, and moved about: nobody else may notice.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, Error};
use swapplex_tests::{RedisServer, poll_times};
use tokio::sync::oneshot;
use tokio::task::yield_now;
use tokio::time::timeout;

const ROUNDS: u64 = 10_000;
/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

async fn connected() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let sets = (0..100).map(|i| client.set(format!("k{i}"), i));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    (server, client)
}

fn is_value_of(value: Result<Option<Bytes>, Error>, i: u64) -> bool {
    value.unwrap().as_deref() == Some((i % 100).to_string().as_bytes())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gets_dropped_at_any_poll_disturb_nobody() {
    let (_server, client) = connected().await;
    let tasks: Vec<_> = (0..16)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for round in 0..ROUNDS / 16 {
                    let i = round * 16 + task;
                    let dropped = client.get(format!("k{}", i % 100));
                    let set = client.set(format!("dropped:{}", i % 7), i);
                    let kept = client.get(format!("k{}", (i + 1) % 100));
                    let (kept, ..) = tokio::join!(kept, poll_times(dropped, i % 5), poll_times(set, i % 3));
                    assert!(is_value_of(kept, i + 1));
                }
            })
        })
        .collect();
    for task in tasks {
        timeout(FOR_EVER, task).await.expect("nothing hangs").unwrap();
    }
}

#[tokio::test]
async fn gets_polled_for_nothing_get_their_value_all_the_same() {
    let (_server, client) = connected().await;
    let all = async {
        for i in 0..ROUNDS {
            let noise = async {
                for _ in 0..i % 4 {
                    yield_now().await;
                }
            };
            let (value, ()) = tokio::join!(client.get(format!("k{}", i % 100)), noise);
            assert!(is_value_of(value, i));
        }
    };
    timeout(FOR_EVER, all).await.expect("nothing hangs");
}

#[tokio::test]
async fn timeouts_of_callers_on_a_paused_server_leave_the_connection_whole() {
    let (server, client) = connected().await;
    server.pause();
    for i in 0..200 {
        let gets =
            join_all((0..50).map(|j| timeout(Duration::from_micros(i), client.get(format!("k{j}"))))).await;
        assert!(gets.iter().all(Result::is_err));
    }
    server.resume();
    for i in 0..100 {
        assert!(is_value_of(client.get(format!("k{i}")).await, i));
    }
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_of_an_outbox_may_go_away_without_harm_to_the_others() {
    let (_server, client) = connected().await;
    for round in 0..500 {
        let first = client.get(format!("k{}", round % 100));
        let second = client.get(format!("k{}", (round + 1) % 100));
        let mut cx = Context::from_waker(Waker::noop());
        {
            let mut first = pin!(first);
            let _ = first.as_mut().poll(&mut cx);
        }
        let value = timeout(FOR_EVER, second).await.expect("nothing hangs");
        assert!(is_value_of(value, round + 1));
    }
}

#[tokio::test]
async fn a_future_that_is_polled_once_and_kept_holds_nobody_up() {
    let (_server, client) = connected().await;
    let mut kept = Vec::new();
    for i in 0..1000_u64 {
        let mut get = Box::pin(client.get(format!("k{}", i % 100)));
        assert!(
            get.as_mut()
                .now_or_never()
                .is_none_or(|value| is_value_of(value, i))
        );
        kept.push((i, get));
    }
    assert!(is_value_of(
        timeout(FOR_EVER, client.get("k5")).await.expect("nothing hangs"),
        5
    ));
    for (i, get) in kept {
        assert!(is_value_of(
            timeout(FOR_EVER, get).await.expect("nothing hangs"),
            i
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_future_may_be_moved_to_another_task_between_polls() {
    let (_server, client) = connected().await;
    for i in 0..1000_u64 {
        let mut get = Box::pin(client.get(format!("k{}", i % 100)));
        let mut cx = Context::from_waker(Waker::noop());
        match get.as_mut().poll(&mut cx) {
            Poll::Ready(value) => assert!(is_value_of(value, i)),
            Poll::Pending => {
                let value = timeout(FOR_EVER, tokio::spawn(get))
                    .await
                    .expect("nothing hangs")
                    .unwrap();
                assert!(is_value_of(value, i));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_panics_or_is_aborted_takes_nobody_with_it() {
    let (_server, client) = connected().await;
    std::panic::set_hook(Box::new(|_| {}));
    for round in 0..200_u64 {
        let tasks: Vec<_> = (0..20_u64)
            .map(|i| {
                let client = client.clone();
                tokio::spawn(async move {
                    let value = client.get(format!("k{i}")).await;
                    assert!(i % 5 != 1, "on purpose");
                    is_value_of(value, i)
                })
            })
            .collect();
        tasks[(round % 20) as usize].abort();
        for (i, task) in tasks.into_iter().enumerate() {
            match timeout(FOR_EVER, task).await.expect("nothing hangs") {
                Ok(is_right) => assert!(is_right),
                Err(error) => assert!(i % 5 == 1 || error.is_cancelled()),
            }
        }
    }
    let _ = std::panic::take_hook();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn futures_dropped_while_connections_are_lost_disturb_nobody() {
    let server = RedisServer::start();
    let source = Source::url(server.url()).unwrap();
    let client = Client::builder(source)
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    client.set("k1", 1).await.unwrap();
    let tasks: Vec<_> = (0..16_u64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                for i in 0..500 {
                    let (value, ()) =
                        tokio::join!(client.get("k1"), poll_times(client.get("other"), (i + task) % 6));
                    assert!(is_value_of(value, 1));
                    let mut conn = client.connection();
                    poll_times(conn.incr::<_, _, i64>("n", 1), i % 4).await;
                }
            })
        })
        .collect();
    let server = std::sync::Arc::new(server);
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        let server = std::sync::Arc::clone(&server);
        tokio::task::spawn_blocking(move || server.kill_clients())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    for task in tasks {
        timeout(FOR_EVER, task).await.expect("nothing hangs").unwrap();
    }
}

/// What is stored in the end, where `given_up` was first polled by a task that then blocks its thread, and was dropped
/// before the same key was set elsewhere. `None` where it was answered before it could be given up, as where this thread had
/// to wait for its turn.
async fn stored_after_giving_up<F: Future + Send + 'static>(
    client: &Client,
    given_up: F,
) -> Option<Option<Bytes>> {
    // So that it expects company, and does not go alone.
    join_all((0..64).map(|i| client.get(format!("k{i}")))).await;
    let (sender, receiver) = oneshot::channel();
    let (go_on, waits) = mpsc::channel();
    let blocks = tokio::spawn(async move {
        let mut given_up = Box::pin(given_up);
        // More than once, since what has waited for a connection looks for one again before it is sent.
        for _ in 0..3 {
            let is_pending = poll_fn(|cx| Poll::Ready(given_up.as_mut().poll(cx).is_pending())).await;
            if !is_pending {
                return;
            }
        }
        assert!(sender.send(given_up).is_ok());
        waits.recv_timeout(FOR_EVER).unwrap();
    });
    let Ok(given_up) = receiver.await else {
        blocks.await.unwrap();
        return None;
    };
    drop(given_up);
    client.set("k", "new").await.unwrap();
    go_on.send(()).unwrap();
    blocks.await.unwrap();
    // Behind whatever that thread had left to send.
    tokio::time::sleep(Duration::from_millis(50)).await;
    Some(client.get("k").await.unwrap())
}

/// Has the later value stored, in the first attempt that gives the earlier one up before it is answered.
async fn the_later_one_stays(attempt: impl AsyncFn() -> Option<Option<Bytes>>) {
    for _ in 0..20 {
        if let Some(stored) = attempt().await {
            assert_eq!(stored, Some(Bytes::from_static(b"new")));
            return;
        }
    }
    panic!("it was answered each time, before it could be given up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_was_given_up_does_not_overwrite_a_later_one_of_another_thread() {
    let (_server, client) = connected().await;
    the_later_one_stays(async || stored_after_giving_up(&client, client.set("k", "old")).await).await;
    the_later_one_stays(async || {
        let mut connection = client.connection();
        let plain = async move { connection.set::<_, _, ()>("k", "old").await };
        stored_after_giving_up(&client, plain).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_does_one_that_had_to_wait_for_a_connection() {
    let server = RedisServer::start();
    the_later_one_stays(async || {
        let client = Client::open(server.url()).unwrap();
        let mut waits = Box::pin(client.set("k", "old"));
        assert!(
            waits.as_mut().now_or_never().is_none(),
            "nothing is connected yet"
        );
        stored_after_giving_up(&client, waits).await
    })
    .await;
}
