//! Many clients of one server that goes away and comes back.

use std::time::Duration;

use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::{Client, ConnectionEvent, ConnectionStream};
use swapplex_tests::{Proxy, RedisServer};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::live;

const CLIENTS: usize = 200;
const WINDOW: Duration = Duration::from_millis(100);
/// Of the default debounce.
const JITTER: Duration = Duration::from_millis(500);

/// How many of these moments lie in the window that holds the most.
fn busiest(mut moments: Vec<Instant>) -> usize {
    moments.sort_unstable();
    let mut first = 0;
    let counts = moments.iter().enumerate().map(|(last, moment)| {
        while *moment - moments[first] > WINDOW {
            first += 1;
        }
        last + 1 - first
    });
    counts.max().unwrap_or(0)
}

/// When the next attempt of a client that has just failed is due.
async fn next_attempt(events: &mut ConnectionStream) -> Instant {
    loop {
        if let Some(ConnectionEvent::Failed { next_attempt, .. }) = events.next().await {
            return next_attempt;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_33_two_hundred_clients_of_a_restarted_server_come_back_spread_over_the_jitter() {
    let server = std::sync::Arc::new(RedisServer::start());
    // Accepts all the time, so that it sees the dials that lead nowhere, too.
    let proxy = Proxy::start(server.port());
    let clients: Vec<Client> = (0..CLIENTS).map(|_| Client::open(proxy.url()).unwrap()).collect();
    let mut events: Vec<ConnectionStream> = clients.iter().map(Client::connection_stream).collect();
    for set in join_all(clients.iter().map(|client| client.set("k", "v"))).await {
        set.unwrap();
    }
    join_all(events.iter_mut().map(|events| live(events, 1))).await;
    spawn_blocking({
        let server = std::sync::Arc::clone(&server);
        move || server.kill()
    })
    .await
    .unwrap();
    // The first reconnect is at once, everybody's, and in vain.
    let due = join_all(events.iter_mut().map(next_attempt)).await;
    let mean = CLIENTS as u128 * WINDOW.as_millis() / JITTER.as_millis();
    let busiest_due = busiest(due);
    println!("{busiest_due} attempts due in the busiest {WINDOW:?} of the second wave, {mean} on average");
    assert!(busiest_due as u128 <= 2 * mean, "{busiest_due}");

    spawn_blocking({
        let server = std::sync::Arc::clone(&server);
        move || server.restart()
    })
    .await
    .unwrap();
    let increments = clients
        .iter()
        .map(|client| async { client.connection().incr::<_, _, usize>("n", 1).await.unwrap() });
    let mut counts = join_all(increments).await;
    counts.sort_unstable();
    assert_eq!(counts, (1..=CLIENTS).collect::<Vec<_>>(), "each counted once");
    let dials = proxy.traffic().dials;
    let second: Vec<Instant> = dials.times()[2 * CLIENTS..]
        .iter()
        .copied()
        .map(Instant::from_std)
        .collect();
    println!(
        "{} of them seen at the server's door in its busiest {WINDOW:?}",
        busiest(second)
    );
    assert_eq!(
        dials.count(),
        3 * CLIENTS,
        "the first dials, those in vain, those that led in"
    );
}
