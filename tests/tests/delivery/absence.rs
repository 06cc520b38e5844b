//! Servers that are not there, for a moment or for long.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, Error, NotExecuted};
use swapplex_tests::{RedisServer, child, memory};
use tokio::task::spawn_blocking;

use crate::oracle::Load;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_04_a_server_that_is_killed_and_started_again_costs_no_read() {
    // What was written is in the file, if not on the disk, before it is acknowledged: a killed process loses nothing.
    let builder = RedisServer::builder().config("appendonly", "yes");
    let server = Arc::new(builder.config("appendfsync", "no").start());
    let client = Client::open(server.url()).unwrap();
    let load = Load::full(&server);
    let mut events = client.connection_stream();
    let restarting = {
        let server = Arc::clone(&server);
        async move {
            while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
            let up = spawn_blocking(move || {
                thread::sleep(Duration::from_millis(50));
                server.kill();
                thread::sleep(Duration::from_millis(300));
                server.restart();
                Instant::now()
            })
            .await
            .unwrap();
            // It may have found the server before we did.
            while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
            up.elapsed()
        }
    };
    let loading = load.run_while(&client, || client.stats().connects < 2);
    let (accounts, recovery) = tokio::join!(loading, restarting);
    println!("recovered {recovery:?} after the server had");
    // 2 s, and as much again for the connecting itself.
    assert!(recovery <= Duration::from_secs(4), "{recovery:?}");
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    assert_eq!(client.stats().losses, 1);
}

/// In a process of its own, whose memory is nobody else's.
#[test]
fn row_05_an_outage_of_30_s_costs_few_dials_and_little_memory() {
    const OUTAGE: Duration = Duration::from_secs(30);
    child::run(
        |_| (),
        || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let server = Arc::new(RedisServer::start());
                let client = Client::open(server.url()).unwrap();
                let warm = Load::full(&server);
                warm.run(&client).await.settle(&server);
                let before = (memory::resident(), client.stats());
                server.kill();
                let began = Instant::now();
                let callers: Vec<_> = (0..64)
                    .map(|task| tokio::spawn(call(client.clone(), task, began + OUTAGE)))
                    .collect();
                let mut refused = 0;
                for caller in callers {
                    refused += caller.await.unwrap();
                }
                let after = (memory::resident(), client.stats());
                let dials = after.1.dials - before.1.dials;
                println!(
                    "{dials} dials in {:?}, {refused} commands not executed",
                    began.elapsed()
                );
                assert!((15..=21).contains(&dials), "{dials} dials");
                assert!(refused >= 64 * 5);
                if let (Some(before), Some(after)) = (before.0, after.0) {
                    println!("{} KiB more in memory", after.saturating_sub(before) >> 10);
                    assert!(after <= before + (32 << 20), "{before} to {after}");
                }
                spawn_blocking({
                    let server = Arc::clone(&server);
                    move || server.restart()
                })
                .await
                .unwrap();
                let load = Load::full(&server);
                let account = load.run(&client).await;
                account.assert_untroubled();
                println!("{}", account.settle(&server));
                assert_eq!(
                    server.command(&["GET", "outage"]),
                    swapplex_tests::Reply::Nil,
                    "it was said not to be executed"
                );
            });
        },
    );
}

/// Keeps asking, and counts how often it is told that nothing was executed.
async fn call(client: Client, task: u64, until: Instant) -> u64 {
    let mut conn = client.connection();
    let mut refused = 0;
    while Instant::now() < until {
        let error = match task % 3 {
            0 => client.get("outage").await.unwrap_err(),
            1 => client.set("outage", task).await.unwrap_err(),
            _ => Error::from(conn.incr::<_, _, i64>("outage", 1).await.unwrap_err()),
        };
        // A read may have gone into the connection that was just being lost.
        let is_late_read = task.is_multiple_of(3) && matches!(error, Error::Timeout { .. });
        assert!(
            is_late_read || matches!(error, Error::NotExecuted(NotExecuted::Unreachable(_))),
            "{error}"
        );
        refused += 1;
    }
    refused
}

#[tokio::test]
async fn while_nothing_listens_commands_wait_and_then_say_that_they_were_not_executed() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(600))
        .build();
    client.set("k", 1).await.unwrap();
    server.kill();
    let mut conn = client.connection();
    let (get, set, incr) = tokio::join!(
        client.get("k"),
        client.set("k", 2),
        conn.incr::<_, _, i64>("k", 1)
    );
    for error in [get.unwrap_err(), set.unwrap_err(), incr.unwrap_err().into()] {
        assert!(
            matches!(error, Error::NotExecuted(NotExecuted::Unreachable(_))),
            "{error}"
        );
        assert!(error.to_string().contains("cannot connect"), "{error}");
    }
}

#[tokio::test]
async fn a_socket_that_is_not_there_is_named() {
    let client = Client::builder(Source::url("unix:///nowhere/redis.sock").unwrap())
        .command_timeout(Duration::from_millis(200))
        .build();
    let error = client.get("k").await.unwrap_err();
    assert!(error.to_string().contains("/nowhere/redis.sock"), "{error}");
}
