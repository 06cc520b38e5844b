//! Servers that stand still, or are paused.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, Error};
use swapplex_tests::RedisServer;
use tokio::task::spawn_blocking;

use crate::oracle::{Load, Totals};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_06_a_server_that_stands_still_leads_to_timeouts_and_to_no_shifted_reply() {
    let server = Arc::new(RedisServer::start());
    // Silence through two deadlines would end the connection.
    for (deadline, stands_still) in [(1500, Stand::Stopped(2000)), (750, Stand::Asleep)] {
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(deadline))
            .build();
        client.set("warm", 1).await.unwrap();
        let load = Load::full(&server);
        let standing = spawn_blocking({
            let server = Arc::clone(&server);
            move || {
                thread::sleep(Duration::from_millis(20));
                match stands_still {
                    Stand::Stopped(time) => {
                        server.pause();
                        thread::sleep(Duration::from_millis(time));
                        server.resume();
                    }
                    Stand::Asleep => drop(server.ok(&["DEBUG", "SLEEP", "1"])),
                }
            }
        });
        let accounts = load.run_while(&client, || !standing.is_finished()).await;
        standing.await.unwrap();
        let mut totals = Totals::default();
        let mut late = 0;
        for account in &accounts {
            totals += account.settle(&server);
            let failures = account.read_failures();
            late += failures.values().sum::<u64>();
            // Those that could not be sent any more are not executed.
            assert!(
                failures
                    .keys()
                    .all(|kind| ["Timeout", "NotExecuted"].contains(&kind.as_str())),
                "{failures:?}"
            );
        }
        println!("{totals}, {late} reads without an answer");
        assert!(
            late > 0 && totals.unknown > 0,
            "it stood still for longer than they have"
        );
        assert_eq!(totals.refused, 0);
        // And nothing of it is left behind.
        let after = load.run(&client).await;
        after.assert_untroubled();
        after.settle(&server);
        assert_eq!((client.stats().replays, client.stats().losses), (0, 0));
    }
}

/// How a server stands still.
enum Stand {
    /// Its process is stopped, for so many milliseconds.
    Stopped(u64),
    /// It runs `DEBUG SLEEP 1`.
    Asleep,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_08_a_paused_server_is_waited_for_and_reads_pass_a_pause_of_writes() {
    let server = Arc::new(RedisServer::start());
    let client = Client::open(server.url()).unwrap();
    let load = Load::full(&server);
    client.set("k", "v").await.unwrap();

    // Until it is lifted, and on this connection no write is in front of the reads.
    server.ok(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    for _ in 0..100 {
        assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    }
    // A connection is answered in order, so reads behind a write wait with it.
    let loading = tokio::spawn({
        let (load, client) = (load.clone(), client.clone());
        async move { load.run(&client).await }
    });
    while server.info("clients")["blocked_clients"] == "0" {
        tokio::task::yield_now().await;
    }
    let elsewhere = Client::open(server.url()).unwrap();
    assert_eq!(elsewhere.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    server.ok(&["CLIENT", "UNPAUSE"]);
    let account = loading.await.unwrap();
    account.assert_untroubled();
    println!("{}", account.settle(&server));

    let pausing = spawn_blocking({
        let server = Arc::clone(&server);
        move || {
            for _ in 0..5 {
                server.ok(&["CLIENT", "PAUSE", "100", "ALL"]);
                // Answered when the pause is over.
                server.ok(&["PING"]);
            }
        }
    });
    let accounts = load.run_while(&client, || !pausing.is_finished()).await;
    pausing.await.unwrap();
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn a_paused_server_leads_to_timeouts_and_late_replies_to_nothing() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(400))
        .build();
    client.set("n", 10).await.unwrap();
    server.pause();
    let mut conn = client.connection();
    let (get, set, incr) = tokio::join!(
        client.get("n"),
        client.set("m", 1),
        conn.incr::<_, _, i64>("n", 1)
    );
    assert!(matches!(get.unwrap_err(), Error::Timeout { .. }));
    assert!(matches!(set.unwrap_err(), Error::OutcomeUnknown { .. }));
    assert!(incr.unwrap_err().is_timeout());
    server.resume();
    // The late replies must not reach those who ask now.
    for i in 0..100 {
        assert_eq!(client.get(format!("none:{i}")).await.unwrap(), None);
    }
    assert_eq!(
        conn.get::<_, i64>("n").await.unwrap(),
        11,
        "executed late, and once"
    );
    assert_eq!(
        client.stats().losses,
        0,
        "a slow server is no reason to reconnect"
    );
}
