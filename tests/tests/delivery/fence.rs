//! What an old connection has left with the server must not run behind what was sent again.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, Error};
use swapplex_tests::{Cut, Direction, Flow, Proxy, RedisServer, Side};
use tokio::sync::Barrier;

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
async fn row_07_what_a_stopped_server_was_sent_runs_once_at_most_when_it_goes_on() {
    let server = RedisServer::start();
    for round in 0..5 {
        let patience = Duration::from_millis(150);
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(patience)
            .reconnect_debounce(Duration::ZERO, Duration::ZERO)
            .build();
        client.get("warm").await.unwrap();
        let mut events = client.connection_stream();
        live(&mut events, 1).await;
        server.reset_calls();
        server.pause();
        let mut connection = client.connection();
        let mut patient = client.connection().command_timeout(Duration::from_secs(20));
        let set = tokio::spawn(async move { patient.set::<_, _, ()>("k", "ours").await });
        let error = Error::from(connection.incr::<_, _, i64>("n", 1).await.unwrap_err());
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
        // Silent for so long, the connection is closed; the next one cannot shake hands yet.
        while !matches!(
            events.next().await,
            Some(ConnectionEvent::Disconnected { epoch: 1, .. })
        ) {}
        server.resume();
        // The SET is sent again once the old connection is out of the way, and so never overtaken by its first copy.
        set.await.unwrap().unwrap();
        server.ok(&["SET", "k", "theirs"]);
        client.get("warm").await.unwrap();
        assert_eq!(server.ok(&["GET", "k"]).text(), "theirs");
        assert!(server.calls("incrby") <= 1, "round {round}");
        assert!(server.calls("set") <= 3, "ours, twice at most, and theirs");
    }
    // Nobody was told of more, or of less, than what may have run.
    let count: i64 = match server.ok(&["GET", "n"]) {
        swapplex_tests::Reply::Nil => 0,
        count => count.text().parse().unwrap(),
    };
    assert!((0..=5).contains(&count), "{count}");
}

/// Counts warnings.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicUsize>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN && metadata.target() == "swapplex::replay"
    }

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn without_the_right_to_close_connections_a_sent_write_is_unknown_and_a_read_is_sent_again() {
    // The other right is what the connection to be closed is known by.
    for denied in ["client|kill", "client|info"] {
        let warnings = Warnings::default();
        let _guard = tracing::subscriber::set_default(warnings.clone());
        let server = RedisServer::builder()
            .user(&format!("app on >secret ~* +@all -{denied}"))
            .start();
        let proxy = Proxy::start(server.port());
        let client = eager(&format!("redis://app:secret@127.0.0.1:{}", proxy.port()));
        for _ in 0..2 {
            client.get("warm").await.unwrap();
            proxy.cut_after(Direction::Replies, 0, Cut::Reset);
            let error = client.set("k", 1).await.unwrap_err();
            assert!(matches!(error, Error::OutcomeUnknown { .. }), "{denied}: {error}");
            client.get("warm").await.unwrap();
            proxy.cut_after(Direction::Replies, 0, Cut::Reset);
            client.get("k").await.unwrap();
        }
        assert_eq!(server.calls("set"), 2, "each once, without {denied}");
        assert_eq!(warnings.0.load(Ordering::Relaxed), 1, "said once");
    }
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

/// How many clients row 33 has.
const CLIENTS: usize = 200;

/// What the clients of row 33 have in common.
struct Row33 {
    /// Where they wait for each other and for the test.
    together: Barrier,
    restarted: AtomicBool,
    /// How many sets are under way.
    sent: AtomicUsize,
    /// How many connections to the new server were lost.
    lost_after: AtomicUsize,
}

impl Row33 {
    async fn client(&self, url: String) {
        let client = Client::builder(Source::url(url).unwrap())
            .reconnect_debounce(Duration::from_millis(50), Duration::from_millis(200))
            .command_timeout(Duration::from_secs(10))
            .build();
        let mut events = client.connection_stream();
        let watch = async {
            loop {
                // The first was lost with the server. Only a fence could have closed one that was made after that.
                if let Some(ConnectionEvent::Disconnected { epoch: 2.., .. }) = events.next().await {
                    self.lost_after.fetch_add(1, Ordering::Relaxed);
                }
            }
        };
        let work = async {
            client.set("k", "v").await.unwrap();
            // All are answered. Then the server is paused, so that the next one is not.
            self.together.wait().await;
            self.together.wait().await;
            let mut set = client.set("k", "v");
            let is_pending =
                future::poll_fn(|cx| Poll::Ready(Pin::new(&mut set).poll(cx).is_pending())).await;
            assert!(is_pending);
            self.sent.fetch_add(1, Ordering::Relaxed);
            set.await.unwrap();
            let mut rounds_after = 0;
            while rounds_after < 40 {
                client.set("k", "v").await.unwrap();
                rounds_after += u64::from(self.restarted.load(Ordering::Relaxed));
            }
        };
        tokio::select! {
            () = watch => {}
            () = work => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_33_after_a_restart_no_fence_closes_a_stranger() {
    let server = Arc::new(RedisServer::start());
    let row = Arc::new(Row33 {
        together: Barrier::new(CLIENTS + 1),
        restarted: AtomicBool::new(false),
        sent: AtomicUsize::new(0),
        lost_after: AtomicUsize::new(0),
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (row, url) = (Arc::clone(&row), server.url());
            tokio::spawn(async move { row.client(url).await })
        })
        .collect();
    row.together.wait().await;
    server.pause();
    row.together.wait().await;
    let restart = {
        let (server, row) = (Arc::clone(&server), Arc::clone(&row));
        tokio::task::spawn_blocking(move || {
            // All have something under way when the server goes, so that all have something to fence off.
            while row.sent.load(Ordering::Relaxed) < CLIENTS {
                std::thread::yield_now();
            }
            server.kill();
            row.restarted.store(true, Ordering::Relaxed);
            server.restart();
        })
    };
    restart.await.unwrap();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!(row.lost_after.load(Ordering::Relaxed), 0);
    assert_eq!(server.calls("client|kill"), CLIENTS as u64);
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
