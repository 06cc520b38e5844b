//! What a network does on its own: cuts, slices, silence, and slowness.

use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, Error, LostCause, NoReply};
use swapplex_tests::{Cut, Direction, Flow, Proxy, RedisServer, child, memory};
use tokio::runtime::Runtime;

use crate::oracle::Load;
use crate::{cutting, eager, live};

#[tokio::test]
async fn row_21_a_reply_cut_at_any_byte_costs_no_read_and_leaves_a_write_unknown() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut events = client.connection_stream();
    let mut conn = client.connection();
    client.set("k", "value").await.unwrap();
    let mut epoch = 1;
    let mut counted = 0;
    live(&mut events, epoch).await;
    for cut in [Cut::Close, Cut::Reset] {
        // `$5\r\nvalue\r\n`, and all of it.
        for bytes in 0..=11 {
            for is_batched in [true, false] {
                proxy.cut_after(Direction::Replies, bytes, cut);
                let value = if is_batched {
                    client.get("k").await.unwrap()
                } else {
                    conn.get("k").await.unwrap()
                };
                assert_eq!(value.as_deref(), Some(&b"value"[..]), "{cut:?} after {bytes}");
                epoch += 1;
                live(&mut events, epoch).await;
            }
        }
        // `:7\r\n`; the server has executed it whatever becomes of the reply.
        for bytes in 0..4 {
            proxy.cut_after(Direction::Replies, bytes, cut);
            let error = Error::from(conn.incr::<_, _, i64>("n", 1).await.unwrap_err());
            counted += 1;
            assert!(
                matches!(error, Error::OutcomeUnknown { epoch: Some(at), .. } if at == epoch),
                "{cut:?} after {bytes}: {error}"
            );
            epoch += 1;
            live(&mut events, epoch).await;
        }
    }
    assert_eq!(
        conn.get::<_, i64>("n").await.unwrap(),
        counted,
        "none was sent again"
    );
    assert_eq!(client.stats().unknown_outcomes, 8);
    assert_eq!(client.stats().losses, 24 * 2 + 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_21_the_load_goes_on_while_replies_and_requests_are_cut_anywhere() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let load = Load::full(&server);
    // Past the handshake, and then anywhere.
    let cutting = cutting(&proxy, 60, |i| 500 + i * 997 % 4001);
    let loading = load.run_while(&client, || proxy.traffic().cuts < 60);
    let (accounts, ()) = tokio::join!(loading, cutting);
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    println!("{:?}", client.stats());
    assert!(client.stats().losses >= 30);
}

#[tokio::test]
async fn row_22_a_request_that_is_cut_in_the_middle_is_not_executed_and_sent_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut conn = client.connection();
    let () = conn.set("warm", 1).await.unwrap();
    server.ok(&["CONFIG", "SET", "proto-max-bulk-len", "1gb"]);
    // More than all the buffers between us and the proxy hold, so that its end is with us when the reset comes.
    let large = vec![b'x'; 64 << 20];
    proxy.cut_after(Direction::Requests, 1 << 20, Cut::Reset);
    let length: usize = conn.append("large", large.as_slice()).await.unwrap();
    assert_eq!(length, large.len(), "appended once");
    assert_eq!(client.stats().losses, 1);
    assert_eq!(client.stats().unknown_outcomes, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_23_sliced_to_single_bytes_everything_still_fits() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    proxy.set(Direction::Requests, Flow::Slice(1));
    proxy.set(Direction::Replies, Flow::Slice(1));
    let client = Client::open(proxy.url()).unwrap();
    let (n, list): (i64, Vec<i64>) = redis::pipe()
        .incr("n", 7)
        .rpush("l", &[1, 2, 3])
        .ignore()
        .lrange("l", 0, -1)
        .query_async(&mut client.connection())
        .await
        .unwrap();
    assert_eq!((n, list), (7, vec![1, 2, 3]));
    // A write of its own for each byte takes its time, so less of it.
    let account = Load::new(&server, 64, 40).run(&client).await;
    account.assert_untroubled();
    println!("{}", account.settle(&server));
    assert!(client.stats().batches > 0, "some travelled together");
    assert_eq!(client.stats().losses, 0);
}

/// In a process of its own, whose memory is nobody else's.
#[test]
fn row_24_a_half_open_connection_is_replaced_after_two_silent_deadlines() {
    child::run(|_| (), || Runtime::new().unwrap().block_on(half_open()));
}

async fn half_open() {
    const PATIENCE: Duration = Duration::from_millis(500);
    const BUDGET: usize = 1 << 20;
    let server = RedisServer::start();
    for directions in [
        &[Direction::Requests, Direction::Replies][..],
        &[Direction::Requests],
        &[Direction::Replies],
    ] {
        let proxy = Proxy::start(server.port());
        let client = Client::builder(Source::url(proxy.url()).unwrap())
            .command_timeout(PATIENCE)
            .in_flight_budget(BUDGET)
            .build();
        let load = Load::full(&server);
        client.set("k", "v").await.unwrap();
        let mut events = client.connection_stream();
        live(&mut events, 1).await;
        let before = memory::resident();
        for link in proxy.links() {
            for direction in directions {
                link.set(*direction, Flow::Swallow);
            }
        }
        let started = Instant::now();
        // Whoever keeps asking does not keep it alive, and fills no more than the budget.
        let asking: Vec<_> = (0..64)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    let value = vec![b'x'; 64 << 10];
                    let mut failures = 0;
                    while client.set("k", value.as_slice()).await.is_err() {
                        failures += 1;
                    }
                    failures
                })
            })
            .collect();
        let Some(ConnectionEvent::Disconnected { cause, .. }) = events.next().await else {
            panic!("it is lost first")
        };
        println!("{directions:?}: noticed after {:?}", started.elapsed());
        assert!(matches!(*cause, LostCause::Silent(_)), "{cause}");
        assert!(started.elapsed() >= 2 * PATIENCE);
        live(&mut events, 2).await;
        for asker in asking {
            assert!(asker.await.unwrap() <= 4);
        }
        if let (Some(before), Some(after)) = (before, memory::resident()) {
            println!("{} KiB more in memory", after.saturating_sub(before) >> 10);
            // Beside the budget: each task's value and its copy as an argument, and what the proxy holds.
            let others = 64 * 2 * (64 << 10) + (8 << 20);
            assert!(after <= before + BUDGET as u64 + others, "{before} to {after}");
        }
        assert_eq!(client.stats().dials, 2);
        let account = load.run(&client).await;
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_25_a_reply_that_trickles_in_is_not_waited_for_beyond_the_deadline() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = Client::builder(Source::url(proxy.url()).unwrap())
        .command_timeout(Duration::from_millis(800))
        .build();
    let load = Load::full(&server);
    client.set("large", vec![b'x'; 10_000]).await.unwrap();
    proxy.set(
        Direction::Replies,
        Flow::Throttle {
            bytes: 1,
            every: Duration::from_millis(100),
        },
    );
    let mut conn = client.connection();
    let (large, incr, get) = tokio::join!(
        client.get("large"),
        conn.incr::<_, _, i64>("n", 1),
        client.get("other")
    );
    for read in [large, get] {
        assert!(matches!(read.unwrap_err(), Error::Timeout { .. }));
    }
    assert!(matches!(
        incr.unwrap_err().into(),
        Error::OutcomeUnknown {
            cause: NoReply::Timeout,
            ..
        }
    ));
    // Something comes all the time, so the connection is not given up; what is late disturbs nobody.
    proxy.set(Direction::Replies, Flow::Pass);
    let account = load.run(&client).await;
    account.assert_untroubled();
    println!("{}", account.settle(&server));
    assert_eq!(conn.get::<_, i64>("n").await.unwrap(), 1);
    assert_eq!((client.stats().losses, client.stats().replays), (0, 0));
}

#[tokio::test]
async fn a_transaction_that_the_server_knows_nothing_of_is_not_sent_again_where_it_was_cut() {
    let server = RedisServer::builder().user("app on >p ~* +@all -multi").start();
    let proxy = Proxy::start(server.port());
    let client = Client::open(format!("redis://app:p@127.0.0.1:{}", proxy.port())).unwrap();
    client.ready().await.unwrap();
    // Most of it is under way when the server has long refused `MULTI`, and taken `INCR` for a command of its own.
    proxy.cut_after(Direction::Requests, 15_000_000, Cut::Close);
    let value = vec![b'x'; 20_000_000];
    let mut transaction = redis::pipe();
    transaction
        .atomic()
        .incr("n", 1)
        .ignore()
        .set("large", value)
        .ignore();
    let error = transaction
        .exec_async(&mut client.connection())
        .await
        .unwrap_err();
    assert!(matches!(Error::from(error), Error::OutcomeUnknown { .. }));
    assert_eq!(client.get("n").await.unwrap().as_deref(), Some(&b"1"[..]));
}
