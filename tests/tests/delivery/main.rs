//! What happens to commands when the connection, or the server, goes away under them.

mod absence;
mod access;
mod callers;
mod clock;
mod crowd;
mod cuts;
mod failover;
mod fence;
mod idle;
mod kept;
mod kills;
mod long;
mod oracle;
mod poison;
mod protocol;
mod replay;
mod server_errors;
mod stalls;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, ConnectionStream, Error};
use swapplex_tests::{Answer, Cut, Direction, Proxy, RedisServer, ScriptedServer};

/// A client that reconnects without a pause.
fn eager(url: &str) -> Client {
    Client::builder(Source::url(url).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build()
}

/// Waits until a connection is live, so that the next fault does not hit its handshake.
async fn live(events: &mut ConnectionStream, wanted: u64) {
    loop {
        if let Some(ConnectionEvent::Connected { epoch, .. }) = events.next().await
            && epoch >= wanted
        {
            return;
        }
    }
}

/// Cuts connections one after the other, so many of them: replies and requests in turn, by end of file and by reset,
/// each at another byte, which `spread` gives.
async fn cutting(proxy: &Proxy, cuts: u64, spread: impl Fn(u64) -> u64) {
    for i in 0..cuts {
        let direction = if i % 2 == 0 {
            Direction::Replies
        } else {
            Direction::Requests
        };
        let cut = if i % 4 < 2 { Cut::Close } else { Cut::Reset };
        proxy.cut_after(direction, spread(i), cut);
        proxy.until(|traffic| traffic.cuts as u64 > i).await;
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

impl Drop for Meanwhile {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
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

/// Answers the handshake, and everything else with `answer`.
fn scripted(mut answer: impl FnMut(&swapplex_tests::Request) -> Answer + Send + 'static) -> ScriptedServer {
    ScriptedServer::start(move |request| request.handshake().unwrap_or_else(|| answer(request)))
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
