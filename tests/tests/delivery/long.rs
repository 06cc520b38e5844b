//! The long run, a command of its own: `cargo xtask oracle`.
//!
//! The load of the rows, again and again, under several kinds of faults, until it has made as many writes and lost as
//! many connections as it is to. It ends with a report, or with the first account that does not balance.

use std::env;
use std::ops::AddAssign;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, ConnectionStream};
use swapplex_tests::{Cut, Proxy, RedisServer};
use tokio::task::spawn_blocking;

use crate::oracle::{Account, Load, Totals};
use crate::{Meanwhile, cutting, eager};

/// Set by `cargo xtask oracle --quick`.
const QUICK: &str = "SWAPPLEX_ORACLE_QUICK";

/// How much is to be done, in hundredths.
struct Extent(u64);

impl Extent {
    fn of(&self, whole: u64) -> u64 {
        (whole * self.0 / 100).max(1)
    }
}

/// What one part of the run came to.
#[derive(Clone, Copy, Debug, Default)]
struct Part {
    totals: Totals,
    losses: u64,
}

impl AddAssign for Part {
    fn add_assign(&mut self, other: Self) {
        self.totals += other.totals;
        self.losses += other.losses;
    }
}

impl Part {
    /// Settles an account, in which nobody may have met anything but an unknown outcome.
    fn settle(&mut self, account: &Account, server: &RedisServer) {
        account.assert_untroubled();
        self.totals += account.settle(server);
    }

    /// Runs the load until there are as many writes and losses as are asked for.
    async fn fill(server: &RedisServer, client: &Client, writes: u64, losses: u64) -> Self {
        let load = Load::full(server);
        let mut part = Self::default();
        while part.totals.writes < writes || part.losses < losses {
            part.settle(&load.run(client).await, server);
            part.losses = client.stats().losses;
        }
        part
    }

    fn close(self, title: &str, began: Instant) -> Self {
        println!(
            "{title}: {} connections lost in {:.0?}; {}",
            self.losses,
            began.elapsed(),
            self.totals
        );
        assert!(
            self.totals.unknown <= self.losses * 64,
            "each task has one write under way at most"
        );
        self
    }
}

/// `CLIENT KILL` every 3 ms.
async fn kills(extent: &Extent) -> Part {
    let began = Instant::now();
    let server = Arc::new(RedisServer::start());
    let client = eager(&server.url());
    let killer = Meanwhile::every(Duration::from_millis(3), {
        let server = Arc::clone(&server);
        move || server.kill_clients()
    });
    let part = Part::fill(&server, &client, extent.of(500_000), extent.of(3_000)).await;
    killer.stop();
    part.close("killed by the server", began)
}

/// Ends of file and resets at arbitrary bytes of requests and replies.
async fn cuts(extent: &Extent) -> Part {
    let began = Instant::now();
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let cutting = cutting(&proxy, u64::MAX, |i| 400 + i * 7919 % 10_007);
    let filling = Part::fill(&server, &client, extent.of(250_000), extent.of(1_000));
    let part = tokio::select! {
        part = filling => part,
        () = cutting => unreachable!("it has no end"),
    };
    part.close("cut at some byte", began)
}

/// Everything reset every 3 ms.
async fn resets(extent: &Extent) -> Part {
    let began = Instant::now();
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let resetting = async {
        loop {
            tokio::time::sleep(Duration::from_millis(3)).await;
            proxy.cut_all(Cut::Reset);
        }
    };
    let filling = Part::fill(&server, &client, extent.of(250_000), extent.of(1_000));
    let part = tokio::select! {
        part = filling => part,
        () = resetting => unreachable!("it has no end"),
    };
    part.close("reset", began)
}

/// Servers killed and started again.
async fn restarts(extent: &Extent) -> Part {
    let began = Instant::now();
    let mut part = Part::default();
    for _ in 0..extent.of(20) {
        // A killed process loses nothing that it has handed to the system.
        let builder = RedisServer::builder().config("appendonly", "yes");
        let server = Arc::new(builder.config("appendfsync", "no").start());
        // Short, or the run would consist of waiting; none at all would have us dial in a loop.
        let client = Client::builder(Source::url(server.url()).expect("a valid URL"))
            .reconnect_debounce(Duration::from_millis(20), Duration::from_millis(20))
            .build();
        let load = Load::full(&server);
        let restarting = spawn_blocking({
            let server = Arc::clone(&server);
            move || {
                for _ in 0..2 {
                    thread::sleep(Duration::from_millis(30));
                    server.kill();
                    thread::sleep(Duration::from_millis(100));
                    server.restart();
                }
            }
        });
        let accounts = load.run_while(&client, || !restarting.is_finished()).await;
        restarting.await.expect("the server starts again");
        for account in &accounts {
            part.settle(account, &server);
        }
        part.losses += client.stats().losses;
    }
    part.close("server restarted", began)
}

/// How long it takes from a kill until the first command after it is answered, the connection being idle.
async fn recovery(extent: &Extent) -> Vec<Duration> {
    let server = RedisServer::start();
    let client = eager(&server.url());
    let mut conn = client.connection();
    client.set("k", "v").await.expect("the server is there");
    let mut events = client.connection_stream();
    let mut times = Vec::new();
    for _ in 0..extent.of(2_000).max(1_000) {
        let id = next_id(&mut events).await.to_string();
        let began = Instant::now();
        assert_eq!(server.ok(&["CLIENT", "KILL", "ID", &id]).integer(), 1);
        let value: String = conn.get("k").await.expect("a read has an answer");
        times.push(began.elapsed());
        assert_eq!(value, "v");
    }
    times.sort_unstable();
    times
}

/// The server's own number of the next connection.
async fn next_id(events: &mut ConnectionStream) -> i64 {
    loop {
        if let Some(ConnectionEvent::Connected { client_id, .. }) = events.next().await {
            return client_id.expect("a real server tells");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: `cargo xtask oracle`"]
async fn the_long_run() {
    let extent = Extent(if env::var_os(QUICK).is_some() { 10 } else { 100 });
    let began = Instant::now();
    println!();
    let mut all = kills(&extent).await;
    all += cuts(&extent).await;
    all += resets(&extent).await;
    all += restarts(&extent).await;
    let times = recovery(&extent).await;
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "recovery after a kill, {} times, until the next command is answered: shortest {:.2?}, p50 {:.2?}, p99 {:.2?}, \
         longest {:.2?}",
        times.len(),
        at(0),
        at(50),
        at(99),
        at(100)
    );
    println!(
        "all: {} connections lost in {:.0?}; {}",
        all.losses,
        began.elapsed(),
        all.totals
    );
    assert!(all.totals.writes >= extent.of(1_000_000), "{all:?}");
    assert!(all.losses >= extent.of(5_000), "{all:?}");
    println!(
        "every account balances: 0 duplicates, 0 acknowledged writes lost, 0 replies at the wrong caller, 0 reads without an \
         answer"
    );
}
