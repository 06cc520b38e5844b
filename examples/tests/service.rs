//! The HTTP service of the example `axum`, under load, while its connections are killed and when it is asked to end.

mod run;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use swapplex_tests::{HttpConnection, HttpResponse, RedisServer, Reply, Unanswered};
use tokio::task::JoinSet;
use tokio::time::sleep;

use self::run::example;

const WORKERS: u64 = 32;

/// The servers of its two databases.
struct Servers {
    store: RedisServer,
    counts: RedisServer,
}

impl Servers {
    fn start() -> Self {
        Self {
            store: RedisServer::start(),
            counts: RedisServer::start(),
        }
    }

    fn kill_clients(&self) -> u64 {
        self.store.kill_clients() + self.counts.kill_clients()
    }

    /// The orders that there are.
    fn orders(&self) -> BTreeSet<String> {
        let orders = self.store.ok(&["SMEMBERS", "service:orders"]);
        orders.array().iter().map(Reply::text).collect()
    }

    /// The views that were counted.
    fn views(&self) -> u64 {
        let view = |id| {
            self.counts
                .ok(&["GET", &format!("service:user:{id}:views")])
                .text()
        };
        (1..=WORKERS).map(|id| view(id).parse::<u64>().unwrap()).sum()
    }
}

/// The example, running.
struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    address: SocketAddr,
}

impl Service {
    fn start(servers: &Servers, drain: Duration) -> Self {
        let mut command = example("axum");
        command
            .env("LISTEN", "127.0.0.1:0")
            .env("DRAIN_MS", drain.as_millis().to_string())
            .env("STORE_URL", servers.store.url())
            .env("COUNTS_URL", servers.counts.url())
            .stdout(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let mut output = BufReader::new(child.stdout.take().expect("a pipe was asked for"));
        let mut line = String::new();
        output.read_line(&mut line).expect("it prints text");
        let address = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap_or_else(|| panic!("unexpected: {line}"));
        Self {
            address: address.parse().expect("an address"),
            child,
            output,
        }
    }

    fn terminate(&self) {
        let kill = format!("kill -s TERM {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().expect("a shell");
        assert!(status.success());
    }

    /// Waits for its end, which must be a good one, and gives what it printed.
    fn ended(mut self) -> String {
        let mut text = String::new();
        self.output.read_to_string(&mut text).expect("it prints text");
        let status = self.child.wait().expect("it was started");
        assert!(status.success(), "{status}\n{text}");
        text
    }

    async fn get(&self, path: &str) -> HttpResponse {
        let mut connection = HttpConnection::open(self.address).await.unwrap();
        connection.send("GET", path, "").await.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What became of one worker's requests.
#[derive(Default)]
struct Account {
    answered: u64,
    /// What must not happen, in words.
    failures: Vec<String>,
    /// Without a byte of an answer.
    unanswered: u64,
    ordered: BTreeSet<String>,
    /// Orders without an answer.
    missing: BTreeSet<String>,
    views: u64,
    unknown_views: u64,
    uncounted_views: u64,
}

impl Account {
    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failures.extend(other.failures);
        self.unanswered += other.unanswered;
        self.ordered.extend(other.ordered);
        self.missing.extend(other.missing);
        self.views += other.views;
        self.unknown_views += other.unknown_views;
        self.uncounted_views += other.uncounted_views;
    }

    fn assert_nothing_failed(&self) {
        assert!(
            self.failures.is_empty(),
            "{} of {} requests failed, such as {:?}",
            self.failures.len(),
            self.answered,
            &self.failures[..self.failures.len().min(5)]
        );
    }
}

/// Requests without a pause, from connections that are kept, until it is stopped or the service ends.
struct Load {
    workers: JoinSet<Account>,
    is_stopped: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    /// How many workers were told by the service to connect to somebody else.
    parted: Arc<AtomicU64>,
}

impl Load {
    async fn on(address: SocketAddr) -> Self {
        let mut load = Self {
            workers: JoinSet::new(),
            is_stopped: Arc::default(),
            answered: Arc::default(),
            parted: Arc::default(),
        };
        for id in 1..=WORKERS {
            let worker = Worker {
                id,
                stored: 0,
                account: Account::default(),
                is_stopped: Arc::clone(&load.is_stopped),
                answered: Arc::clone(&load.answered),
                parted: Arc::clone(&load.parted),
            };
            let connection = HttpConnection::open(address).await.expect("the service listens");
            load.workers.spawn(worker.run(connection));
        }
        load
    }

    async fn until_answered(&self, count: u64) {
        let target = self.answered.load(Ordering::Relaxed) + count;
        while self.answered.load(Ordering::Relaxed) < target {
            assert!(!self.workers.is_empty());
            sleep(Duration::from_millis(1)).await;
        }
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }

    async fn account(mut self) -> Account {
        let mut sum = Account::default();
        while let Some(account) = self.workers.join_next().await {
            sum.add(account.unwrap());
        }
        sum
    }
}

struct Worker {
    id: u64,
    /// How often its name was stored: names are numbered.
    stored: u64,
    account: Account,
    is_stopped: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    parted: Arc<AtomicU64>,
}

impl Worker {
    async fn run(mut self, mut connection: HttpConnection) -> Account {
        for number in 0.. {
            if self.is_stopped.load(Ordering::Relaxed) {
                break;
            }
            match self.request(&mut connection, number).await {
                Ok(response) => {
                    self.account.answered += 1;
                    self.answered.fetch_add(1, Ordering::Relaxed);
                    if !response.keeps_alive {
                        self.parted.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                }
                Err(Unanswered::Before(_)) => {
                    self.account.unanswered += 1;
                    break;
                }
                Err(error) => {
                    self.account.failures.push(error.to_string());
                    break;
                }
            }
        }
        self.account
    }

    /// Each kind of request in turn, and whether it says what it must.
    async fn request(
        &mut self,
        connection: &mut HttpConnection,
        number: u64,
    ) -> Result<HttpResponse, Unanswered> {
        let user = format!("/users/{}", self.id);
        let (response, is_right) = match number % 4 {
            0 => {
                let name = format!("name-{}-{}", self.id, self.stored + 1);
                let response = connection.send("PUT", &user, &name).await?;
                self.stored += 1;
                let is_right = response.body == "stored\n";
                (response, is_right)
            }
            1 => {
                let response = connection.send("GET", &user, "").await?;
                let is_right = self.sees_its_name(&response.body);
                (response, is_right)
            }
            2 => {
                let order = format!("{}-{number}", self.id);
                let answer = connection.send("PUT", &format!("/orders/{order}"), "").await;
                let orders = match &answer {
                    Ok(_) => &mut self.account.ordered,
                    Err(_) => &mut self.account.missing,
                };
                orders.insert(order);
                let response = answer?;
                let is_right = response.body == "ordered\n";
                (response, is_right)
            }
            _ => {
                let response = connection.send("GET", "/orders", "").await?;
                let orders: Option<usize> = response.body.trim_end().parse().ok();
                let is_right = orders.is_some_and(|orders| orders >= self.account.ordered.len());
                (response, is_right)
            }
        };
        if response.status != 200 || !is_right {
            self.account.failures.push(format!("{number}: {response:?}"));
        }
        Ok(response)
    }

    fn sees_its_name(&mut self, body: &str) -> bool {
        let start = format!("name: name-{}-{}, views: ", self.id, self.stored);
        let Some(views) = body.strip_prefix(&start) else {
            return false;
        };
        match views.trim_end() {
            "unknown" => self.account.unknown_views += 1,
            "not counted" => self.account.uncounted_views += 1,
            count if count.parse::<u64>().is_ok() => self.account.views += 1,
            _ => return false,
        }
        true
    }
}

/// Waits until the service is connected to a server.
async fn until_connected(server: &RedisServer) {
    while server.clients().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
}

/// Has a server hold back every write, and waits until there is one.
async fn hold_a_write(server: &RedisServer) {
    server.ok(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    while !server
        .clients()
        .iter()
        .any(|client| client["flags"].contains('b'))
    {
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_connections_are_killed() {
    const ROUNDS: u64 = 2;
    let servers = Servers::start();
    let service = Service::start(&servers, Duration::ZERO);
    let load = Load::on(service.address).await;
    let mut killed = 0;
    for _ in 0..ROUNDS {
        // As it comes.
        load.until_answered(500).await;
        until_connected(&servers.store).await;
        until_connected(&servers.counts).await;
        killed += servers.kill_clients();
        // With writes in flight for certain: the servers have them, and hold them back. First an increment, since
        // behind a write to the store everybody stands still.
        load.until_answered(500).await;
        hold_a_write(&servers.counts).await;
        hold_a_write(&servers.store).await;
        killed += servers.kill_clients();
        servers.counts.ok(&["CLIENT", "UNPAUSE"]);
        servers.store.ok(&["CLIENT", "UNPAUSE"]);
    }
    load.until_answered(500).await;
    load.stop();
    let account = load.account().await;
    println!(
        "{} requests, {killed} connections killed; views: {} counted, {} unknown, {} not counted",
        account.answered, account.views, account.unknown_views, account.uncounted_views
    );
    account.assert_nothing_failed();
    assert_eq!(account.unanswered, 0);
    assert!(killed >= 3 * ROUNDS, "{killed}");
    assert_eq!(servers.orders(), account.ordered);
    // The increments that a kill caught are told as unknown, and no other is missing or there twice.
    assert!(account.unknown_views >= ROUNDS);
    let views = servers.views();
    assert!(
        (account.views..=account.views + account.unknown_views).contains(&views),
        "{views} views"
    );
    service.terminate();
    let text = service.ended();
    println!("{text}");
    // Among them the writes to the store that the server held back: the service itself repeats nothing.
    let replays: u64 = text
        .split_once("connections; ")
        .and_then(|(_, rest)| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or_else(|| panic!("unexpected: {text}"));
    assert!(replays >= ROUNDS, "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_loses_no_request() {
    let servers = Servers::start();
    let service = Service::start(&servers, Duration::from_secs(3));
    let load = Load::on(service.address).await;
    load.until_answered(500).await;
    assert_eq!(service.get("/ready").await.status, 200);
    service.terminate();
    while load.parted.load(Ordering::Relaxed) == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    // It says that it ends, and still serves whoever has not heard of it.
    let readiness = service.get("/ready").await;
    assert_eq!((readiness.status, readiness.body.as_str()), (503, "ending\n"));
    assert_eq!(service.get("/orders").await.status, 200);

    let account = load.account().await;
    account.assert_nothing_failed();
    assert_eq!(account.unanswered, 0);
    let address = service.address;
    let text = service.ended();
    assert!(text.contains("ended after"), "{text}");
    assert_eq!(servers.orders(), account.ordered);
    assert_eq!((account.unknown_views, account.uncounted_views), (0, 0));
    assert_eq!(servers.views(), account.views);
    assert_eq!(servers.store.clients().len() + servers.counts.clients().len(), 0);
    assert!(HttpConnection::open(address).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_pause_before_the_end_what_was_taken_is_answered_and_nothing_else_is_executed() {
    let servers = Servers::start();
    let service = Service::start(&servers, Duration::ZERO);
    let load = Load::on(service.address).await;
    load.until_answered(500).await;
    service.terminate();
    let account = load.account().await;
    service.ended();
    println!(
        "{} requests answered, {} never taken",
        account.answered, account.unanswered
    );
    account.assert_nothing_failed();
    // Connections that the service closed when a request was on its way to it: none of those was executed.
    assert_eq!(servers.orders(), account.ordered);
    assert!(account.missing.is_disjoint(&account.ordered));
    assert_eq!(servers.views(), account.views);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_follows_the_store() {
    let servers = Servers::start();
    let service = Service::start(&servers, Duration::ZERO);
    assert_eq!(service.get("/ready").await.status, 200);
    servers.store.kill();
    let refused = service.get("/ready").await;
    assert_eq!(refused.status, 503);
    assert!(!refused.body.contains("ending"), "{refused:?}");
    servers.store.restart();
    while service.get("/ready").await.status != 200 {
        sleep(Duration::from_millis(5)).await;
    }
    service.terminate();
    service.ended();
}
