//! Deadlines, and bounds on what is held in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::{AsyncCommands, RedisError, Value, cmd, pipe};
use swapplex::config::Source;
use swapplex::{
    Client, ClientBuilder, ConnectionEvent, Error, LostCause, NoReply, NotExecuted, ProtocolError,
};
use swapplex_tests::{Answer, Direction, Flow, Proxy, RedisServer, ScriptedServer, child, memory};

fn builder(url: impl Into<String>) -> ClientBuilder {
    Client::builder(Source::url(url.into()).expect("a valid URL"))
}

fn inside(error: &RedisError) -> &Error {
    Error::inside(error).expect("one of our errors")
}

/// What became of a request, as its caller sees it.
#[derive(Debug, Default)]
struct Outcomes {
    answered: usize,
    not_executed: usize,
    unknown: usize,
    timeouts: usize,
}

impl Outcomes {
    fn note(&mut self, error: Option<&Error>) {
        match error {
            None => self.answered += 1,
            Some(Error::NotExecuted(NotExecuted::Timeout)) => self.not_executed += 1,
            Some(Error::OutcomeUnknown {
                cause: NoReply::Timeout,
                ..
            }) => self.unknown += 1,
            Some(Error::Timeout { .. }) => self.timeouts += 1,
            Some(error) => panic!("{error}"),
        }
    }
}

/// In a process of its own, whose memory is nobody else's.
#[test]
fn commands_for_a_server_that_stands_still_end_by_their_deadline_within_the_budget() {
    child::run(
        |_| (),
        || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(ten_thousand_commands_for_a_server_that_stands_still());
        },
    );
}

async fn ten_thousand_commands_for_a_server_that_stands_still() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .command_timeout(Duration::from_millis(500))
        .in_flight_budget(4 << 20)
        .build();
    client.set("k", "v").await.unwrap();
    let value = "x".repeat(8 << 10);
    server.pause();
    let before = memory::resident();
    let started = Instant::now();
    let tasks: Vec<_> = (0..10_000)
        .map(|i| {
            let (client, value) = (client.clone(), value.clone());
            tokio::spawn(async move {
                let mut connection = client.connection();
                match i % 4 {
                    0 => client.get(format!("k{i}")).await.err(),
                    1 => client.set(format!("k{i}"), value).await.err(),
                    2 => connection.incr::<_, _, i64>("n", 1).await.err().map(Error::from),
                    _ => connection
                        .append::<_, _, i64>("log", value)
                        .await
                        .err()
                        .map(Error::from),
                }
            })
        })
        .collect();
    let mut outcomes = Outcomes::default();
    for task in tasks {
        outcomes.note(task.await.unwrap().as_ref());
    }
    println!("{outcomes:?} after {:?}", started.elapsed());
    assert_eq!(outcomes.answered, 0);
    assert!(
        outcomes.not_executed > 0 && outcomes.unknown > 0 && outcomes.timeouts > 0,
        "{outcomes:?}"
    );
    if let (Some(before), Some(after)) = (before, memory::resident()) {
        // What the waiting tasks hold themselves is about 80 MiB of values; the budget is little beside it.
        assert!(
            after < before + (150 << 20),
            "{} MiB more",
            (after - before) >> 20
        );
    }
    server.resume();
    let executed: usize = client
        .connection()
        .get::<_, Option<usize>>("n")
        .await
        .unwrap()
        .unwrap_or(0);
    assert!(executed <= outcomes.unknown);
    for i in 0..1000 {
        client.set("after", i).await.unwrap();
        assert_eq!(client.get("after").await.unwrap().unwrap(), i.to_string());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_not_to_have_been_executed_was_not() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .command_timeout(Duration::from_millis(300))
        .in_flight_budget(256 << 10)
        .build();
    client.set("k", "v").await.unwrap();
    for round in 0..3 {
        server.pause();
        let pushes = (0..2_000).map(|i| {
            let mut connection = client.connection();
            // Some have less time than the others.
            if i % 2 == 0 {
                connection = connection.command_timeout(Duration::from_millis(100));
            }
            let padding = "x".repeat(1 << 10);
            tokio::spawn(async move {
                let result = connection
                    .rpush::<_, _, i64>("ids", format!("{round}:{i}:{padding}"))
                    .await;
                (format!("{round}:{i}:{padding}"), result)
            })
        });
        let results = join_all(pushes.collect::<Vec<_>>()).await;
        server.resume();
        let ids: Vec<String> = client.connection().lrange("ids", 0, -1).await.unwrap();
        let ids: std::collections::HashSet<_> = ids.into_iter().collect();
        let mut outcomes = Outcomes::default();
        for (id, result) in results.into_iter().map(Result::unwrap) {
            let error = result.err().map(Error::from);
            outcomes.note(error.as_ref());
            match error {
                None => assert!(ids.contains(&id)),
                Some(Error::NotExecuted(_)) => assert!(!ids.contains(&id), "it was executed after all"),
                Some(_) => {}
            }
        }
        println!("{outcomes:?}");
        assert!(
            outcomes.not_executed > 0 && outcomes.unknown > 0,
            "some had room and some had none: {outcomes:?}"
        );
    }
}

#[tokio::test]
async fn a_handle_may_have_less_time_than_others() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut hasty = client.connection().command_timeout(Duration::from_millis(50));
    let _: () = hasty.set("k", "v").await.unwrap();
    server.pause();
    let mut patient = client.connection();
    let waiting = tokio::spawn(async move { patient.get::<_, String>("k").await });
    let error = hasty.get::<_, Value>("k").await.unwrap_err();
    assert!(matches!(inside(&error), Error::Timeout { .. }), "{error}");
    let error = hasty.incr::<_, _, Value>("n", 1).await.unwrap_err();
    assert!(matches!(inside(&error), Error::OutcomeUnknown { .. }), "{error}");
    let error = pipe().incr("n", 1).exec_async(&mut hasty).await.unwrap_err();
    assert!(matches!(inside(&error), Error::OutcomeUnknown { .. }), "{error}");
    server.resume();
    assert_eq!(waiting.await.unwrap().unwrap(), "v");
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn a_handle_may_have_more_time_than_others() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = builder(proxy.url())
        .command_timeout(Duration::from_millis(200))
        .build();
    client.set("k", "v").await.unwrap();
    let sent = proxy.traffic().requests;
    let mut patient = client.connection().command_timeout(Duration::from_secs(60));
    let sleeping = tokio::spawn(async move {
        // Longer than two deadlines of the others in a row.
        let slept: String = cmd("DEBUG").arg("SLEEP").arg(1).query_async(&mut patient).await?;
        let (n,): (i64,) = pipe().incr("n", 1).query_async(&mut patient).await?;
        Ok::<_, RedisError>((slept, n))
    });
    // Who is in front of it would wait for an answer that the server holds back, longer than a connection may be silent.
    proxy.until(|traffic| traffic.requests > sent).await;
    while !matches!(client.get("k").await, Err(Error::Timeout { .. })) {}
    assert_eq!(sleeping.await.unwrap().unwrap(), ("OK".into(), 1));
    assert_eq!(client.stats().losses, 0);
    assert!(client.get("k").await.is_ok());
}

#[tokio::test]
async fn who_has_more_time_takes_none_from_others() {
    let patience = Duration::from_millis(100);
    let server = RedisServer::start();
    let client = builder(server.url()).command_timeout(patience).build();
    client.set("k", "v").await.unwrap();
    server.pause();
    let mut patient = client.connection().command_timeout(Duration::from_secs(20));
    let waiting = tokio::spawn(async move { patient.get::<_, Option<String>>("k").await });
    // Long enough for deadlines to be looked after when nobody has a short one.
    tokio::time::sleep(3 * patience).await;
    let mut others = client.connection();
    let error = others.incr::<_, _, i64>("n", 1).await.unwrap_err();
    assert!(
        matches!(
            inside(&error),
            Error::OutcomeUnknown {
                cause: NoReply::Timeout,
                ..
            }
        ),
        "{error}"
    );
    assert!(!waiting.is_finished(), "the others' time was up first");
    server.resume();
    assert_eq!(waiting.await.unwrap().unwrap().as_deref(), Some("v"));
}

#[tokio::test]
async fn without_a_server_a_handle_waits_its_own_time() {
    let server = ScriptedServer::silent();
    let client = builder(server.url()).build();
    let mut hasty = client.connection().command_timeout(Duration::from_millis(50));
    let error = hasty.get::<_, Value>("k").await.unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Timeout)),
        "{error}"
    );
    let error = client
        .connection()
        .command_timeout(Duration::from_millis(50))
        .dedicated()
        .await;
    assert!(matches!(
        error.unwrap_err(),
        Error::NotExecuted(NotExecuted::Timeout)
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_open_connection_is_replaced_after_two_deadlines() {
    let server = RedisServer::start();
    for directions in [
        &[Direction::Requests, Direction::Replies][..],
        &[Direction::Requests],
        &[Direction::Replies],
    ] {
        let proxy = Proxy::start(server.port());
        let patience = Duration::from_millis(500);
        let client = builder(proxy.url()).command_timeout(patience).build();
        client.set("k", "v").await.unwrap();
        let mut events = client.connection_stream();
        assert!(matches!(
            events.next().await,
            Some(ConnectionEvent::Connected { .. })
        ));
        for direction in directions {
            for link in proxy.links() {
                link.set(*direction, Flow::Swallow);
            }
        }
        // Whoever keeps asking does not keep it alive.
        let asking = {
            let client = client.clone();
            tokio::spawn(async move {
                let mut failures = 0;
                while client.get("k").await.is_err() {
                    failures += 1;
                }
                failures
            })
        };
        let started = Instant::now();
        let Some(ConnectionEvent::Disconnected { cause, .. }) = events.next().await else {
            panic!("it is lost first")
        };
        println!("{directions:?}: noticed after {:?}", started.elapsed());
        assert!(matches!(*cause, LostCause::Silent(_)), "{cause}");
        assert!(matches!(
            events.next().await,
            Some(ConnectionEvent::Connected { .. })
        ));
        assert!(asking.await.unwrap() <= 3);
        assert_eq!(client.stats().dials, 2);
    }
}

#[tokio::test]
async fn a_connection_that_is_merely_idle_is_kept() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .command_timeout(Duration::from_millis(50))
        .build();
    client.set("k", "v").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(client.get("k").await.is_ok());
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn a_reply_over_the_limit_is_not_read() {
    let server = RedisServer::start();
    let client = builder(server.url()).reply_limit(1 << 20).build();
    client.set("fits", vec![7; (1 << 20) - 100]).await.unwrap();
    assert!(client.get("fits").await.unwrap().is_some());
    assert_eq!(client.stats().losses, 0);
    let mut own = client.dedicated().await.unwrap();
    let _: () = own.set("large", vec![7; 1 << 20]).await.unwrap();
    let error = own.get::<_, Value>("large").await.unwrap_err();
    let Error::OutcomeUnknown {
        cause: NoReply::Lost(cause),
        ..
    } = inside(&error)
    else {
        panic!("{error}")
    };
    assert!(
        matches!(**cause, LostCause::Protocol(ProtocolError::TooLarge)),
        "{cause}"
    );
    assert!(error.to_string().contains("`reply_limit`"), "{error}");
}

#[tokio::test]
async fn a_reply_over_the_limit_costs_its_caller_four_connections_and_others_nothing() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .reply_limit(1 << 20)
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    client.set("large", vec![7; 1 << 20]).await.unwrap();
    client.set("small", "v").await.unwrap();
    let (large, small) = tokio::join!(client.get("large"), client.get("small"));
    assert_eq!(small.unwrap().as_deref(), Some(&b"v"[..]));
    let Err(Error::OutcomeUnknown {
        cause: NoReply::Breaks(cause),
        ..
    }) = &large
    else {
        panic!("{large:?}")
    };
    assert!(
        matches!(**cause, LostCause::Protocol(ProtocolError::TooLarge)),
        "{cause}"
    );
    let stats = client.stats();
    assert_eq!((stats.losses, stats.dedicated), (2, 2), "{stats:?}");
}

#[tokio::test]
async fn a_reply_nested_too_deeply_is_not_read() {
    let script = |request: &swapplex_tests::Request| {
        request
            .handshake()
            .unwrap_or_else(|| Answer::raw("*1\r\n".repeat(9) + ":1\r\n"))
    };
    let server = ScriptedServer::start(script);
    for (depth, is_read) in [(8, false), (9, true)] {
        let client = builder(server.url()).reply_depth_limit(depth).build();
        let mut own = client.dedicated().await.unwrap();
        let result = cmd("COMMAND").query_async::<Value>(&mut own).await;
        assert_eq!(result.is_ok(), is_read, "{depth}: {result:?}");
    }
}

#[tokio::test]
async fn the_strictest_limits_let_the_handshake_pass() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .reply_limit(100)
        .reply_depth_limit(1)
        .build();
    client.set("k", "v").await.unwrap();
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_over_the_budget_is_let_in_among_many_small_ones() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = builder(proxy.url()).in_flight_budget(1 << 20).build();
    client.get("warm").await.unwrap();
    // Something is always under way.
    proxy.set(Direction::Replies, Flow::Delay(Duration::from_millis(20)));
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..64_u64)
        .map(|task| {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut rounds = 0;
                while !stop.load(Ordering::Relaxed) {
                    client.get("k").await.unwrap();
                    tokio::time::sleep(Duration::from_millis((task * 7 + rounds * 13) % 11)).await;
                    rounds += 1;
                }
                rounds
            })
        })
        .collect();
    for _ in 0..3 {
        client.set("large", vec![b'x'; 1100 << 10]).await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for other in others {
        assert!(other.await.unwrap() > 0);
    }
}

#[tokio::test]
async fn a_request_over_the_budget_is_let_in_where_small_ones_are_sent_one_after_the_other() {
    let server = RedisServer::start();
    let client = builder(server.url()).in_flight_budget(1 << 20).build();
    let stop = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..2)
        .map(|_| {
            let (client, stop) = (client.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    client.get("k").await.unwrap();
                }
            })
        })
        .collect();
    for _ in 0..3 {
        let large = client.set("large", vec![b'x'; 1100 << 10]);
        tokio::spawn(large).await.unwrap().unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for other in others {
        other.await.unwrap();
    }
}

#[tokio::test]
async fn the_longest_debounce_there_is_allows_one_reconnect() {
    let server = RedisServer::start();
    let client = builder(server.url())
        .reconnect_debounce(Duration::MAX, Duration::MAX)
        .command_timeout(Duration::from_millis(500))
        .build();
    for _ in 0..2 {
        client.set("k", "v").await.unwrap();
        server.kill_clients();
    }
    let error = client.get("k").await.unwrap_err();
    assert!(matches!(error, Error::NotExecuted(_)), "{error}");
    assert_eq!(client.stats().dials, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_fit_alone_are_got_where_their_joint_reply_is_too_large() {
    let server = RedisServer::start();
    let client = builder(server.url()).reply_limit(1 << 20).build();
    let value = vec![b'x'; 50_000];
    let sets = (0..100).map(|i| client.set(format!("k{i}"), &value[..]));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    for _ in 0..2 {
        let values = join_all((0..100).map(|i| client.get(format!("k{i}")))).await;
        for got in values {
            assert_eq!(got.unwrap().unwrap().len(), value.len());
        }
    }
    assert!(client.stats().losses <= 2, "{:?}", client.stats());
}
