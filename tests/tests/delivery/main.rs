//! What happens to commands when the connection, or the server, goes away under them.

mod failover;
mod fence;
mod idle;
mod oracle;
mod poison;
mod replay;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectError, ConnectionEvent, ConnectionStream, Error, HandshakeError, NotExecuted};
use swapplex_tests::{Answer, Cut, Direction, Proxy, RedisServer, ScriptedServer};

use oracle::Load;

/// A client that reconnects without a pause.
fn eager(url: &str) -> Client {
    Client::builder(Source::url(url).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build()
}

/// Waits until a connection is live, so that the next fault does not hit its handshake.
async fn live(events: &mut ConnectionStream, wanted: u64) {
    loop {
        if let ConnectionEvent::Connected { epoch, .. } = events.next().await
            && epoch >= wanted
        {
            return;
        }
    }
}

/// Does something again and again, on a thread of its own, until it is dropped.
struct Meanwhile {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<u64>>,
}

impl Meanwhile {
    fn every(pause: Duration, mut act: impl FnMut() -> u64 + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut total = 0;
            while !stopped.load(Ordering::Relaxed) {
                total += act();
                thread::sleep(pause);
            }
            total
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }

    fn stop(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_every_5_ms_cost_no_read_and_no_acknowledged_write() {
    let server = Arc::new(RedisServer::start());
    let client = eager(&server.url());
    let load = Load::new(&server, 64, 313);
    let killer = Meanwhile::every(Duration::from_millis(5), {
        let server = Arc::clone(&server);
        move || server.kill_clients()
    });
    let mut accounts = Vec::new();
    let began = Instant::now();
    // As often as it takes to meet a good number of losses, whatever the machine's speed.
    while client.stats().losses < 50 && began.elapsed() < Duration::from_secs(60) {
        accounts.push(load.run(&client).await);
    }
    let kills = killer.stop();
    let stats = client.stats();
    println!("{kills} kills, {stats:?}");
    assert!(
        stats.losses >= 50,
        "the load ran into {} losses only",
        stats.losses
    );
    assert!(stats.losses <= kills);
    assert!(
        stats.replays > 0,
        "reads were under way when connections were lost"
    );
    let mut unknown = 0;
    for account in &accounts {
        println!("{}", account.summary());
        assert_eq!(account.read_errors, [] as [&str; 0]);
        account.settle(&server);
        unknown += account.unknown();
    }
    assert!(
        unknown as u64 <= stats.losses * 64,
        "each task has one write under way at most"
    );
    assert_eq!(unknown as u64, stats.unknown_outcomes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_and_started_again_costs_no_read() {
    let server = Arc::new(
        RedisServer::builder()
            .config("appendonly", "yes")
            .config("appendfsync", "always")
            .start(),
    );
    let client = Client::open(server.url()).unwrap();
    let load = Load::new(&server, 64, 313);
    let restarter = {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            thread::sleep(Duration::from_millis(50));
            server.kill();
            thread::sleep(Duration::from_millis(300));
            server.restart();
        })
    };
    let mut accounts = Vec::new();
    while client.stats().losses == 0 {
        accounts.push(load.run(&client).await);
    }
    restarter.await.unwrap();
    accounts.push(load.run(&client).await);
    for account in &accounts {
        println!("{}", account.summary());
        assert_eq!(account.read_errors, [] as [&str; 0]);
        account.settle(&server);
    }
    assert!(client.stats().losses >= 1);
}

#[tokio::test]
async fn a_server_that_accepts_and_closes_is_dialled_3_times_in_3_seconds_at_most() {
    let server = ScriptedServer::accept_then_close();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(2900))
        .build();
    let error = client.get("k").await.unwrap_err();
    assert!(
        matches!(error, Error::NotExecuted(NotExecuted::Unreachable(_))),
        "{error}"
    );
    let dials = server.seen().dials.count();
    assert!((2..=3).contains(&dials), "{dials} dials");
}

#[tokio::test]
async fn a_second_loss_waits_for_the_debounce() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut events = client.connection_stream();
    let mut connected = async || loop {
        if let ConnectionEvent::Connected { epoch, .. } = events.next().await {
            return (epoch, Instant::now());
        }
    };
    client.set("k", 1).await.unwrap();
    assert_eq!(connected().await.0, 1);
    server.kill_clients();
    let (epoch, first) = connected().await;
    assert_eq!(epoch, 2);
    server.kill_clients();
    let (epoch, second) = connected().await;
    assert_eq!(epoch, 3);
    assert!(
        second - first >= Duration::from_millis(1400),
        "{:?} after the first",
        second - first
    );
    assert_eq!(client.stats().dials, 3);
    client.get("k").await.unwrap();
}

#[tokio::test]
async fn a_request_that_was_not_fully_sent_is_sent_again_whatever_it_is() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut conn = client.connection();
    let () = conn.set("warm", 1).await.unwrap();
    server.command(&["CONFIG", "SET", "proto-max-bulk-len", "1gb"]);
    // More than all the buffers between us and the proxy hold, so that its end is with us when the reset comes.
    let large = vec![b'x'; 64 << 20];
    proxy.cut_after(Direction::Requests, 1 << 20, Cut::Reset);
    let length: usize = conn.append("large", large.as_slice()).await.unwrap();
    assert_eq!(length, large.len(), "appended once");
    assert_eq!(client.stats().losses, 1);
    assert_eq!(client.stats().unknown_outcomes, 0);
}

#[tokio::test]
async fn a_write_whose_reply_is_lost_has_an_unknown_outcome_and_a_read_is_repeated() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut events = client.connection_stream();
    let mut conn = client.connection();
    let () = conn.set("n", 1).await.unwrap();
    live(&mut events, 1).await;

    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    let error = Error::from(conn.incr::<_, _, i64>("n", 1).await.unwrap_err());
    let Error::OutcomeUnknown { command, epoch, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((&**command, *epoch), ("INCRBY", Some(1)), "as redis-rs sends it");

    live(&mut events, 2).await;
    proxy.cut_after(Direction::Replies, 1, Cut::Close);
    assert_eq!(conn.get::<_, i64>("n").await.unwrap(), 2);
    live(&mut events, 3).await;
    proxy.cut_after(Direction::Replies, 3, Cut::Reset);
    assert_eq!(client.get("n").await.unwrap().as_deref(), Some(&b"2"[..]));
    assert_eq!(client.stats().replays, 2);
}

#[tokio::test]
async fn a_pipeline_keeps_what_was_answered_and_repeats_reads_only() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut conn = client.connection();
    let mut events = client.connection_stream();
    let () = conn.set("k", "v").await.unwrap();
    live(&mut events, 1).await;

    // The INCR is answered, the reads behind it are not.
    let mut pipe = redis::pipe();
    pipe.incr("n", 1).get("k").get("k").exists("k");
    proxy.cut_after(Direction::Replies, 6, Cut::Reset);
    let answers: (i64, String, String, bool) = pipe.query_async(&mut conn).await.unwrap();
    assert_eq!(answers, (1, "v".into(), "v".into(), true));
    assert_eq!(conn.get::<_, i64>("n").await.unwrap(), 1, "counted once");

    live(&mut events, 2).await;
    let mut pipe = redis::pipe();
    pipe.get("k").incr("n", 1);
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    let error = Error::from(pipe.exec_async(&mut conn).await.unwrap_err());
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
}

#[tokio::test]
async fn a_pipeline_of_which_a_part_was_executed_is_not_called_safe_to_send_again() {
    for (is_silent, is_refused) in [(false, true), (false, false), (true, false)] {
        let server = scripted(move |request| match (request.name().as_str(), is_silent) {
            ("INCRBY", false) => Answer::integer(1).then_close(),
            ("INCRBY", true) => Answer::integer(1),
            ("PING", _) => Answer::raw("+PONG\r\n"),
            _ => Answer::nothing(),
        });
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(400))
            .build();
        let mut conn = client.connection();
        let () = conn.ping().await.unwrap();
        let mut pipe = redis::pipe();
        pipe.incr("n", 1).get("k");
        let (result, ()) = tokio::join!(pipe.exec_async(&mut conn), async {
            server
                .until(|seen| seen.requests.iter().any(|request| request.name() == "INCRBY"))
                .await;
            if is_refused {
                server.refuse().await;
            }
        });
        let error = Error::from(result.unwrap_err());
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        assert_eq!(client.stats().unknown_outcomes, 1);
    }
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once_and_recovers_once_it_is_right() {
    let server = RedisServer::builder().user("app on >right ~* +@all").start();
    let client = Client::open(server.url_as("app", "wrong-canary")).unwrap();
    for _ in 0..3 {
        let error = client.get("k").await.unwrap_err();
        let Error::NotExecuted(NotExecuted::Connect(cause)) = &error else {
            panic!("{error}")
        };
        assert!(
            matches!(
                &**cause,
                ConnectError::Handshake(HandshakeError::Authentication(_))
            ),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
    assert_eq!(client.stats().dials, 1, "no loop");
    server.ok(&["ACL", "SETUSER", "app", ">wrong-canary"]);
    let mut events = client.connection_stream();
    while !matches!(events.next().await, ConnectionEvent::Connected { .. }) {}
    client.get("k").await.unwrap();
    assert!(client.stats().dials <= 3);
}

#[tokio::test]
async fn a_missing_password_is_told_at_once_with_either_protocol() {
    let server = RedisServer::builder().password("secret").start();
    for protocol in ["resp3", "resp2"] {
        let url = format!("redis://127.0.0.1:{}/?protocol={protocol}", server.port());
        let client = Client::open(url).unwrap();
        let error = client.get("k").await.unwrap_err();
        let Error::NotExecuted(NotExecuted::Connect(cause)) = &error else {
            panic!("{protocol}: {error}")
        };
        assert!(
            matches!(
                &**cause,
                ConnectError::Handshake(HandshakeError::Authentication(_))
            ),
            "{protocol}: {error}"
        );
    }
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

#[tokio::test]
async fn a_peer_that_speaks_something_else_gives_a_typed_error() {
    for greeting in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01",
        "220 smtp ready\r\n",
    ] {
        let server = ScriptedServer::greeting(Answer::raw(greeting));
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(300))
            .build();
        let error = client.get("k").await.unwrap_err();
        let Error::NotExecuted(NotExecuted::Unreachable(cause)) = &error else {
            panic!("{error}")
        };
        assert!(
            matches!(&**cause, ConnectError::Handshake(HandshakeError::Protocol(_))),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_handshake_that_is_never_answered_ends() {
    let server = ScriptedServer::silent();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .connect_timeout(Duration::from_millis(200))
        .command_timeout(Duration::from_millis(500))
        .build();
    let error = client.get("k").await.unwrap_err();
    let Error::NotExecuted(NotExecuted::Unreachable(cause)) = &error else {
        panic!("{error}")
    };
    assert!(matches!(&**cause, ConnectError::Timeout(_)), "{error}");
}

/// Answers the handshake, and everything else with `answer`.
fn scripted(mut answer: impl FnMut(&swapplex_tests::Request) -> Answer + Send + 'static) -> ScriptedServer {
    ScriptedServer::start(move |request| request.handshake().unwrap_or_else(|| answer(request)))
}

#[tokio::test]
async fn a_short_reply_fails_its_owners_and_nobody_else() {
    let server = scripted(|request| match request.name().as_str() {
        "MGET" if request.arguments.len() == 4 => Answer::array([Answer::bulk("1"), Answer::bulk("2")]),
        "MGET" => Answer::array([Answer::error("ERR inside"), Answer::bulk("2")]),
        _ => Answer::bulk("alone"),
    });
    let client = Client::open(server.url()).unwrap();
    let alone = || async { assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"alone"[..])) };
    alone().await;
    let results = futures_util::future::join_all(["first", "a", "b", "c"].map(|key| client.get(key))).await;
    assert!(results[0].is_ok());
    assert!(
        results[1..]
            .iter()
            .all(|result| matches!(result, Err(Error::Redis(_)))),
        "{results:?}"
    );
    alone().await;
    let results = futures_util::future::join_all(["first", "a", "b"].map(|key| client.get(key))).await;
    assert!(
        matches!(&results[1], Err(Error::Redis(error)) if error.to_string().contains("inside")),
        "{results:?}"
    );
    assert_eq!(results[2].as_ref().unwrap().as_deref(), Some(&b"2"[..]));
    alone().await;
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn a_surplus_reply_ends_the_connection_and_a_push_does_not() {
    let server = scripted(|_| Answer::bulk("v"));
    let client = eager(&server.url());
    client.get("k").await.unwrap();
    server.push(">2\r\n+news\r\n:1\r\n");
    client.get("k").await.unwrap();
    assert_eq!(client.stats().losses, 0);
    let mut events = client.connection_stream();
    server.push("+surplus\r\n");
    while !matches!(events.next().await, ConnectionEvent::Disconnected { .. }) {}
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(client.stats().losses, 1);
}

#[tokio::test]
async fn replies_in_front_of_garbage_count() {
    let server = scripted(|request| match request.argument(1).as_str() {
        "first" => Answer::nothing(),
        "second" => Answer::raw(":7\r\n$9223372036854775807\r\n"),
        _ => Answer::bulk("v"),
    });
    let client = Client::open(server.url()).unwrap();
    client.get("warm").await.unwrap();
    let (mut one, mut other) = (client.connection(), client.connection());
    let (first, second) = tokio::join!(
        one.incr::<_, _, i64>("first", 1),
        other.incr::<_, _, i64>("second", 1)
    );
    assert_eq!(first.unwrap(), 7);
    let error = Error::from(second.unwrap_err());
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
}

#[tokio::test]
async fn hostile_lengths_end_the_connection_and_take_no_memory() {
    for hostile in [
        "*2147483647\r\n",
        "$9223372036854775807\r\n",
        &"*1\r\n".repeat(100_000),
    ] {
        let hostile = hostile.to_owned();
        let server = scripted(move |request| match request.argument(1).as_str() {
            "hostile" => Answer::raw(hostile.clone()),
            _ => Answer::bulk("v"),
        });
        let before = swapplex_tests::memory::resident();
        let client = Client::builder(Source::url(server.url()).unwrap())
            .reconnect_debounce(Duration::ZERO, Duration::ZERO)
            .command_timeout(Duration::from_millis(500))
            .build();
        let error = client
            .connection()
            .incr::<_, _, i64>("hostile", 1)
            .await
            .unwrap_err();
        assert!(matches!(Error::from(error), Error::OutcomeUnknown { .. }));
        assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
        if let (Some(before), Some(after)) = (before, swapplex_tests::memory::resident()) {
            assert!(after < before + (64 << 20), "{before} to {after}");
        }
    }
}

#[tokio::test]
async fn sliced_to_single_bytes_everything_still_fits() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    proxy.set(Direction::Requests, swapplex_tests::Flow::Slice(1));
    proxy.set(Direction::Replies, swapplex_tests::Flow::Slice(1));
    let client = Client::open(proxy.url()).unwrap();
    let sets = (0..50).map(|i| client.set(format!("k{i}"), i));
    assert!(
        futures_util::future::join_all(sets)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let values = client.get_many((0..50).map(|i| format!("k{i}"))).await.unwrap();
    for (i, value) in values.into_iter().enumerate() {
        assert_eq!(value.as_deref(), Some(i.to_string().as_bytes()));
    }
    let (n, list): (i64, Vec<i64>) = redis::pipe()
        .incr("n", 7)
        .rpush("l", &[1, 2, 3])
        .ignore()
        .lrange("l", 0, -1)
        .query_async(&mut client.connection())
        .await
        .unwrap();
    assert_eq!((n, list), (7, vec![1, 2, 3]));
}
