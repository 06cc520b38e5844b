//! Connections that the server closes while nothing is under way.

use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex_tests::RedisServer;

use super::eager;

/// Ends the connection while it is idle, and counts at once, so many times.
async fn killed_while_idle(url: &str, server: &RedisServer, rounds: u64) {
    let client = eager(url);
    let mut connection = client.connection();
    let mut times = Vec::new();
    for round in 1..=rounds {
        let () = connection.ping().await.unwrap();
        let answered = Instant::now();
        server.kill_clients();
        // It has to have been idle, if only for a moment.
        while answered.elapsed() < Duration::from_micros(200) {
            std::hint::spin_loop();
        }
        let began = Instant::now();
        assert_eq!(connection.incr::<_, _, u64>("n", 1).await.unwrap(), round);
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let at = |share: usize| times[times.len() * share / 1000];
    println!(
        "recovery: p50 {:?}, p99 {:?}, longest {:?}",
        at(500),
        at(990),
        at(999)
    );
    let stats = client.stats();
    assert!(stats.losses >= rounds, "{stats:?}");
    assert_eq!((stats.unknown_outcomes, stats.replays), (0, 0));
    server.ok(&["DEL", "n"]);
}

#[tokio::test]
async fn row_02_an_idle_connection_that_was_closed_costs_no_write() {
    let server = RedisServer::start();
    killed_while_idle(&server.url(), &server, 1_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_that_was_closed_costs_no_write_on_a_unix_socket() {
    let server = RedisServer::builder().unix_socket().start();
    let path = server.unix_path().unwrap();
    killed_while_idle(&format!("unix://{}", path.display()), &server, 200).await;
}

#[tokio::test]
#[ignore = "long: one of `cargo test -- --ignored`"]
async fn row_02_at_length() {
    let server = RedisServer::start();
    killed_while_idle(&server.url(), &server, 5_000).await;
}
