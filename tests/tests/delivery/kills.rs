//! Connections that the server closes: again and again, twice in a row, or because they are idle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::{Client, ConnectionEvent};
use swapplex_tests::{Proxy, RedisServer};

use crate::oracle::{Load, Totals};
use crate::{Meanwhile, eager, live};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_01_connections_killed_every_5_ms_cost_no_read_and_no_acknowledged_write() {
    let server = Arc::new(RedisServer::start());
    let client = eager(&server.url());
    let load = Load::full(&server);
    let killer = Meanwhile::every(Duration::from_millis(5), {
        let server = Arc::clone(&server);
        move || server.kill_clients()
    });
    // As often as it takes to meet a good number of losses, whatever the machine's speed.
    let accounts = load.run_while(&client, || client.stats().losses < 50).await;
    let kills = killer.stop();
    let stats = client.stats();
    println!("{kills} kills, {stats:?}");
    assert!(stats.losses <= kills);
    assert!(stats.connects <= kills + 1);
    assert!(
        stats.replays > 0,
        "reads were under way when connections were lost"
    );
    let mut totals = Totals::default();
    for account in &accounts {
        account.assert_untroubled();
        totals += account.settle(&server);
    }
    println!("{totals}");
    assert!(
        totals.unknown <= stats.losses * 64,
        "each task has one write under way at most"
    );
    assert_eq!(totals.unknown, stats.unknown_outcomes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_03_a_second_loss_within_100_ms_waits_for_the_debounce() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = Client::open(proxy.url()).unwrap();
    let load = Load::full(&server);
    let mut events = client.connection_stream();
    let killing = async {
        live(&mut events, 1).await;
        server.kill_clients();
        let first = Instant::now();
        live(&mut events, 2).await;
        server.kill_clients();
        let apart = first.elapsed();
        println!("killed again {apart:?} after the first time");
        // On a machine that is busy; the debounce counts from the dial in any case.
        assert!(apart < Duration::from_secs(1), "{apart:?}");
        let Some(ConnectionEvent::Disconnected { epoch: 2, .. }) = events.next().await else {
            panic!("the second connection is lost")
        };
        live(&mut events, 3).await;
    };
    let loading = load.run_while(&client, || client.stats().connects < 3);
    let (accounts, ()) = tokio::join!(loading, killing);
    for account in accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    let stats = client.stats();
    assert_eq!((stats.dials, stats.losses), (3, 2), "the first dial and two more");
    let gap = proxy.traffic().dials.gaps()[1];
    println!("the second reconnect came {gap:?} after the first");
    // The dial is 1500 to 2000 ms after the one before, to the clock of the debounce; here its arrival is seen.
    assert!(gap >= Duration::from_millis(1400), "{gap:?}");
    assert!(gap <= Duration::from_secs(4), "{gap:?}");
}

#[tokio::test]
async fn row_20_connections_that_the_server_closes_as_idle_cost_nobody_an_error() {
    const CLIENTS: usize = 20;
    const TIMES: i64 = 5;
    let server = RedisServer::builder().config("timeout", "1").start();
    let clients: Vec<Client> = (0..CLIENTS)
        .map(|_| Client::open(server.url()).unwrap())
        .collect();
    let turns = clients.iter().enumerate().map(|(i, client)| {
        let server = &server;
        async move {
            let mut events = client.connection_stream();
            let mut conn = client.connection();
            for time in 1..=TIMES {
                assert_eq!(conn.incr::<_, _, i64>(format!("n{i}"), 1).await.unwrap(), time);
                // Until the server is tired of it.
                while !matches!(events.next().await, Some(ConnectionEvent::Disconnected { .. })) {}
            }
            assert_eq!(conn.get::<_, i64>(format!("n{i}")).await.unwrap(), TIMES);
            assert_eq!(server.ok(&["GET", &format!("n{i}")]).text(), TIMES.to_string());
        }
    });
    join_all(turns).await;
    for client in &clients {
        let stats = client.stats();
        assert!(stats.losses >= 5, "{stats:?}");
        assert_eq!((stats.unknown_outcomes, stats.replays), (0, 0));
    }
}
