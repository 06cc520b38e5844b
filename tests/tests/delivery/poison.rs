//! Requests that break each connection that they travel on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, Error, NoReply, NotExecuted};
use swapplex_tests::{Answer, Cut, Direction, Flow, Proxy, RedisServer};
use tokio::time::timeout;

use super::{eager, scripted};

/// Reads and writes on, until told to stop; fails with the first error.
fn bystanders(client: &Client, stop: &Arc<AtomicBool>) -> Vec<tokio::task::JoinHandle<u64>> {
    (0..16)
        .map(|task| {
            let (client, stop) = (client.clone(), Arc::clone(stop));
            tokio::spawn(async move {
                let mut connection = client.connection();
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) {
                    let key = format!("k:{task}");
                    client.set(&key, rounds).await.unwrap();
                    let value = client.get(&key).await.unwrap().unwrap();
                    assert_eq!(value, rounds.to_string());
                    assert_eq!(connection.get::<_, u64>(&key).await.unwrap(), rounds);
                    rounds += 1;
                }
                rounds
            })
        })
        .collect()
}

/// Runs `poison` amid bystanders, who must not notice.
async fn amid_others<T>(client: &Client, poison: impl Future<Output = T>) -> T {
    let stop = Arc::new(AtomicBool::new(false));
    let others = bystanders(client, &stop);
    client.get("warm").await.unwrap();
    let result = poison.await;
    stop.store(true, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
    result
}

fn breaks(error: &Error) -> bool {
    matches!(
        error,
        Error::OutcomeUnknown {
            cause: NoReply::Breaks(_),
            ..
        } | Error::NotExecuted(NotExecuted::Breaks(_))
    )
}

/// A server whose replies must not be larger than a mebibyte, with a value of 16.
fn server_with_a_huge_value() -> RedisServer {
    let server = RedisServer::builder()
        .config("client-output-buffer-limit", "normal 1mb 0 0")
        .start();
    server.ok(&["SET", "huge", ""]);
    server.ok(&["SETRANGE", "huge", "16777215", "x"]);
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_18_a_reply_over_the_servers_limit_costs_nobody_else_anything() {
    let server = server_with_a_huge_value();
    let client = eager(&server.url());
    let error = amid_others(&client, client.get("huge")).await.unwrap_err();
    assert!(breaks(&error), "{error}");
    let error = amid_others(&client, async {
        client.connection().get::<_, Vec<u8>>("huge").await.unwrap_err()
    })
    .await;
    assert!(Error::inside(&error).is_some_and(breaks), "{error}");
    // The shared connection twice each time, and two connections that it had alone.
    let stats = client.stats();
    println!("{stats:?}");
    assert_eq!(stats.losses, 4);
    assert!(stats.dedicated >= 4);
}

#[tokio::test]
async fn row_18_the_innocent_members_of_its_batch_are_answered() {
    let server = server_with_a_huge_value();
    for i in 0..30 {
        server.ok(&["SET", &format!("small:{i}"), &i.to_string()]);
    }
    // With the usual debounce: the second reconnect takes its time.
    for debounce in [Duration::ZERO, Duration::from_millis(1500)] {
        let client = Client::builder(Source::url(server.url()).unwrap())
            .reconnect_debounce(debounce, Duration::ZERO)
            .build();
        client.get("warm").await.unwrap();
        let keys = (0..30).map(|i| {
            if i == 7 {
                "huge".into()
            } else {
                format!("small:{i}")
            }
        });
        let results = join_all(keys.map(|key| client.get(key))).await;
        for (i, result) in results.into_iter().enumerate() {
            match result {
                Ok(value) => assert_eq!(value.as_deref(), Some(i.to_string().as_bytes())),
                Err(error) => assert!(i == 7 && breaks(&error), "{i}: {error}"),
            }
        }
        assert_eq!(client.stats().losses, 2);
        // The one for suspects is closed when there are none.
        while server.clients().len() > 1 {
            tokio::task::yield_now().await;
        }
        drop(client);
        while !server.clients().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_19_an_argument_over_the_servers_limit_costs_nobody_else_anything() {
    let server = RedisServer::builder().config("proto-max-bulk-len", "1mb").start();
    let client = eager(&server.url());
    let large = vec![b'x'; 8 << 20];
    let mut connection = client.connection();
    let error = amid_others(&client, async {
        Error::from(
            connection
                .set::<_, _, ()>("large", large.as_slice())
                .await
                .unwrap_err(),
        )
    })
    .await;
    // The server says so before it closes the connection, which the reset may overtake.
    assert!(
        breaks(&error) || error.to_string().contains("invalid bulk length"),
        "{error}"
    );
    let error = amid_others(&client, client.set("large", large.as_slice()))
        .await
        .unwrap_err();
    assert!(
        breaks(&error) || error.to_string().contains("invalid bulk length"),
        "{error}"
    );
    assert_eq!(server.ok(&["EXISTS", "large"]).integer(), 0);
    let losses = client.stats().losses;
    assert!((1..=4).contains(&losses), "{losses}");
}

#[tokio::test]
async fn who_loses_one_connection_of_its_own_is_not_yet_to_blame_and_who_loses_two_is() {
    for lost_alone in [1, 2] {
        let server = scripted(move |request| match request.connection {
            0 | 1 => Answer::nothing().then_close(),
            // Behind the shared one, those of the suspect.
            alone @ 3.. if alone < 3 + lost_alone => Answer::nothing().then_close(),
            _ => Answer::bulk("v"),
        });
        let client = eager(&server.url());
        match client.get("k").await {
            Ok(value) => assert_eq!((value.as_deref(), lost_alone), (Some(&b"v"[..]), 1)),
            Err(error) => assert!(breaks(&error) && lost_alone == 2, "{error}"),
        }
        let stats = client.stats();
        assert_eq!((stats.losses, stats.dedicated), (2, 2));
    }
}

#[tokio::test]
async fn where_all_connections_are_lost_at_once_nobody_is_to_blame() {
    let server = scripted(|request| match request.connection {
        0 | 1 => Answer::nothing().then_close(),
        // The shared one, and that of the suspect.
        2 | 3 => Answer::nothing(),
        _ => Answer::bulk("v"),
    });
    let client = eager(&server.url());
    let (value, ()) = tokio::join!(client.get("k"), async {
        server
            .until(|seen| {
                seen.requests
                    .iter()
                    .any(|request| request.connection == 3 && request.name() == "GET")
            })
            .await;
        server.refuse().await;
        server.accept();
    });
    assert_eq!(value.unwrap().as_deref(), Some(&b"v"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_network_cuts_twice_a_crowd_of_suspects_is_answered_in_time() {
    const GETS: u64 = 1000;
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = Client::builder(Source::url(proxy.url()).unwrap())
        .reconnect_debounce(Duration::from_millis(50), Duration::ZERO)
        .build();
    client.get("warm").await.unwrap();
    // One after the other, even a few hundred would take longer than they may.
    let delay = Flow::Delay(Duration::from_millis(20));
    proxy.set(Direction::Requests, delay);
    proxy.set(Direction::Replies, delay);
    let mut sent = proxy.traffic().requests;
    let gets: Vec<_> = (0..GETS)
        .map(|i| tokio::spawn(client.get(format!("a key of some length: {i:04}"))))
        .collect();
    for _ in 0..2 {
        // Some hundred of them are under way.
        let passed = proxy.until(|traffic| traffic.requests > sent + 7 * GETS);
        timeout(Duration::from_secs(30), passed).await.unwrap();
        sent = proxy.traffic().requests;
        proxy.cut_all(Cut::Reset);
    }
    for get in gets {
        assert_eq!(get.await.unwrap().unwrap(), None);
    }
    let stats = client.stats();
    println!("{stats:?}");
    assert_eq!(
        (stats.losses, stats.dedicated),
        (2, 1),
        "the suspects share one connection"
    );
}
