//! What an old connection has left with the server must not run behind what was sent again.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, Error};
use swapplex_tests::{Cut, Direction, Flow, Proxy, RedisServer, Side};

use super::{eager, live};

#[tokio::test]
async fn row_32_bytes_that_arrive_after_the_reconnect_do_not_run() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut events = client.connection_stream();
    for round in 1..=20 {
        client.get("warm").await.unwrap();
        live(&mut events, round).await;
        server.reset_calls();
        // The first SET gets as far as the proxy; towards the client, its connection then breaks.
        let old = proxy.links().pop().unwrap();
        old.set(Direction::Requests, Flow::Hold);
        let seen = proxy.traffic().requests;
        let set = tokio::spawn({
            let client = client.clone();
            async move { client.set("k", "ours").await }
        });
        proxy.until(|traffic| traffic.requests > seen).await;
        old.cut(Side::Client, Cut::Reset);
        set.await.unwrap().unwrap();
        // Acknowledged, and then overwritten by somebody else: the held copy must not bring it back.
        server.ok(&["SET", "k", "theirs"]);
        old.set(Direction::Requests, Flow::Pass);
        while proxy.traffic().open > 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(server.ok(&["GET", "k"]).text(), "theirs");
        assert_eq!(server.calls("set"), 2, "ours, once, and theirs");
    }
    assert_eq!(client.stats().unknown_outcomes, 0);
}

#[tokio::test]
async fn without_the_right_to_close_connections_a_sent_write_is_unknown_and_a_read_is_sent_again() {
    let server = RedisServer::builder()
        .user("app on >secret ~* +@all -client|kill")
        .start();
    let proxy = Proxy::start(server.port());
    let client = eager(&format!("redis://app:secret@127.0.0.1:{}", proxy.port()));
    for _ in 0..2 {
        client.get("warm").await.unwrap();
        proxy.cut_after(Direction::Replies, 0, Cut::Reset);
        let error = client.set("k", 1).await.unwrap_err();
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        client.get("warm").await.unwrap();
        proxy.cut_after(Direction::Replies, 0, Cut::Reset);
        client.get("k").await.unwrap();
    }
    assert_eq!(server.calls("set"), 2, "each once");
}

#[tokio::test]
async fn nothing_is_closed_where_nothing_was_under_way() {
    let server = RedisServer::start();
    let client = eager(&server.url());
    let mut events = client.connection_stream();
    client.get("warm").await.unwrap();
    live(&mut events, 1).await;
    let before = server.calls("client|kill");
    server.kill_clients();
    live(&mut events, 2).await;
    // Those of `kill_clients` itself.
    assert_eq!(server.calls("client|kill") - before, 2);
}

/// Follows a client until its connection is lost; whether the server was up then.
async fn row_33_client(
    url: String,
    unexpected: Arc<AtomicUsize>,
    restarted: tokio::sync::watch::Receiver<bool>,
) {
    let client = Client::builder(Source::url(url).unwrap())
        .reconnect_debounce(Duration::from_millis(50), Duration::from_millis(200))
        .command_timeout(Duration::from_secs(10))
        .build();
    let mut events = client.connection_stream();
    let mut connected_after = false;
    let watch = async {
        loop {
            match events.next().await {
                ConnectionEvent::Connected { .. } if *restarted.borrow() => connected_after = true,
                // Once it was connected to the new server, only a fence could have closed it.
                ConnectionEvent::Disconnected { .. } if connected_after => {
                    unexpected.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
        }
    };
    let work = async {
        let mut rounds_after = 0;
        while rounds_after < 40 {
            let result = client.set("k", "v").await;
            if *restarted.borrow() && result.is_ok() {
                rounds_after += 1;
            }
            // The server is away for a while, which may be longer than what a write waits for.
            if let Err(error) = result {
                assert!(
                    matches!(error, Error::OutcomeUnknown { .. } | Error::NotExecuted(_)),
                    "{error}"
                );
            }
        }
    };
    tokio::select! {
        () = watch => {}
        () = work => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_33_after_a_restart_no_fence_closes_a_stranger() {
    let server = Arc::new(RedisServer::start());
    let unexpected = Arc::new(AtomicUsize::new(0));
    let (restarted, seen) = tokio::sync::watch::channel(false);
    let clients: Vec<_> = (0..200)
        .map(|_| tokio::spawn(row_33_client(server.url(), Arc::clone(&unexpected), seen.clone())))
        .collect();
    let restart = {
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            while server.clients().len() < 200 {
                std::thread::yield_now();
            }
            let before: HashSet<String> = server
                .clients()
                .iter()
                .map(|client| client["id"].clone())
                .collect();
            server.restart();
            before
        })
    };
    let before = restart.await.unwrap();
    restarted.send_replace(true);
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(before.len(), 200);
    assert!(server.calls("client|kill") > 0, "there were fences");
    assert_eq!(unexpected.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_fence_is_up_before_a_replayed_write_goes_out() {
    let server = super::scripted(|request| match (request.name().as_str(), request.connection) {
        ("SET", 0) => swapplex_tests::Answer::nothing().then_close(),
        _ => swapplex_tests::Answer::ok(),
    });
    let client = eager(&server.url());
    let () = client.connection().ping().await.unwrap();
    client.set("k", 1).await.unwrap();
    let requests = server.seen().requests;
    let place = |name: &str, argument: &str| {
        requests
            .iter()
            .position(|request| {
                request.connection == 1 && request.name() == name && request.argument(1) == argument
            })
            .unwrap_or_else(|| panic!("no {name} {argument}: {requests:?}"))
    };
    assert!(place("CLIENT", "KILL") < place("SET", "k"));
    let kill = &requests[place("CLIENT", "KILL")];
    let words: Vec<String> = (2..6).map(|at| kill.argument(at)).collect();
    assert_eq!(words, ["ID", "1", "ADDR", "127.0.0.1:50000"]);
}
