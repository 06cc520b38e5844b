//! The same reads in four ways, one after the other and round by round, so that a slow moment meets all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use swapplex::{Client, ManagedConnection, Stats};
use tokio::task::JoinSet;

use crate::place::Place;
use crate::profiles::{self, Profiles};
use crate::screen::Screen;
use crate::{Failure, text};

const TASKS: usize = 512;
const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(1);
const WARM_UP: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(100);
/// Reads that a task counts by itself before it tells, so that counting doesn't slow down what is counted.
const TELL: u64 = 16;

/// One way to read a profile.
#[derive(Clone)]
enum Way {
    Sequential(MultiplexedConnection),
    Concurrent(MultiplexedConnection),
    Commands(ManagedConnection<Client>),
    Batched(Client),
}

/// What the rounds of one way came to.
#[derive(Default)]
struct Score {
    /// Reads per second, round by round.
    rates: Vec<u64>,
    batches: u64,
    batched_keys: u64,
}

pub(crate) async fn show(
    place: &Place,
    profiles: &Arc<Profiles>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let redis_rs = place.redis_rs().await?;
    let client = place.client().build();
    let ways = [
        Way::Sequential(redis_rs.clone()),
        Way::Concurrent(redis_rs),
        Way::Commands(client.connection()),
        Way::Batched(client.clone()),
    ];
    let mut scores: [Score; 4] = Default::default();
    for round in 0..ROUNDS {
        for (at, (way, score)) in ways.iter().zip(&mut scores).enumerate() {
            let before = client.stats();
            let rate = measure(way, profiles, |elapsed, rate| {
                let past = u128::try_from(round * ways.len() + at).unwrap_or(0) * 1000;
                let done = past + 1000 * elapsed.as_millis() / ROUND.as_millis();
                let all = u128::try_from(ROUNDS * ways.len()).unwrap_or(1);
                screen.progress(
                    usize::try_from(done / all).unwrap_or(0),
                    &format!(
                        "round {} of {ROUNDS}: {}, {}/s",
                        round + 1,
                        way.name(),
                        text::grouped(rate)
                    ),
                );
            })
            .await?;
            score.add(rate, &before, &client.stats());
        }
    }
    report(&ways, &mut scores, screen);
    if let Some(server) = &place.server {
        let server = Arc::clone(server);
        let calls = tokio::task::spawn_blocking(move || server.calls("mget")).await?;
        let stats = client.stats();
        screen.line(&format!(
            "The server counted {} MGET; they carried {} keys.",
            text::grouped(calls),
            text::grouped(stats.batched_keys)
        ));
    }
    Ok(())
}

/// Reads in one way for one round, and gives the reads per second.
async fn measure(
    way: &Way,
    profiles: &Arc<Profiles>,
    mut progress: impl FnMut(Duration, u64),
) -> Result<u64, Failure> {
    let count = Arc::new(AtomicU64::new(0));
    let is_over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..way.tasks() {
        readers.spawn(read_on(
            way.clone(),
            Arc::clone(profiles),
            Arc::clone(&count),
            Arc::clone(&is_over),
        ));
    }
    tokio::time::sleep(WARM_UP).await;
    let (began, before) = (Instant::now(), count.load(Ordering::Relaxed));
    let mut rate = 0;
    while began.elapsed() < ROUND {
        tokio::time::sleep(TICK).await;
        let elapsed = began.elapsed();
        rate = text::per_second(count.load(Ordering::Relaxed) - before, elapsed);
        progress(elapsed, rate);
    }
    is_over.store(true, Ordering::Relaxed);
    while let Some(outcome) = readers.join_next().await {
        outcome??;
    }
    Ok(rate)
}

async fn read_on(
    mut way: Way,
    profiles: Arc<Profiles>,
    count: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
) -> Result<(), Failure> {
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..TELL {
            let n = fastrand::usize(..profiles::COUNT);
            if !way.read(&profiles, n).await? {
                return Err(format!("{}: a wrong value for {}", way.name(), profiles.key(n)).into());
            }
        }
        count.fetch_add(TELL, Ordering::Relaxed);
    }
    Ok(())
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Self::Sequential(_) => "redis-rs, one GET after another",
            Self::Concurrent(_) => "redis-rs, concurrent GETs",
            Self::Commands(_) => "swapplex, the same commands",
            Self::Batched(_) => "swapplex, batched gets",
        }
    }

    fn tasks(&self) -> usize {
        match self {
            Self::Sequential(_) => 1,
            _ => TASKS,
        }
    }

    /// Reads profile `n`, and says whether the value is right.
    async fn read(&mut self, profiles: &Profiles, n: usize) -> Result<bool, Failure> {
        let key = profiles.key(n);
        Ok(match self {
            Self::Sequential(connection) | Self::Concurrent(connection) => {
                let value: Option<Vec<u8>> = connection.get(key).await?;
                profiles.is(n, value.as_deref())
            }
            Self::Commands(connection) => {
                let value: Option<Vec<u8>> = connection.get(key).await?;
                profiles.is(n, value.as_deref())
            }
            Self::Batched(client) => profiles.is(n, client.get(key).await?.as_deref()),
        })
    }
}

impl Score {
    fn add(&mut self, rate: u64, before: &Stats, after: &Stats) {
        self.rates.push(rate);
        self.batches += after.batches - before.batches;
        self.batched_keys += after.batched_keys - before.batched_keys;
    }

    fn median(&mut self) -> u64 {
        self.rates.sort_unstable();
        self.rates[self.rates.len() / 2]
    }
}

fn report(ways: &[Way; 4], scores: &mut [Score; 4], screen: &mut Screen) {
    let sequential = scores[0].median();
    screen.line("");
    screen.line(&row("", "reads/s", "to the 1st", "keys per MGET"));
    for (way, score) in ways.iter().zip(scores) {
        let rate = score.median();
        screen.line(&row(
            way.name(),
            &text::grouped(rate),
            &text::ratio(rate, sequential),
            &text::ratio(score.batched_keys, score.batches),
        ));
    }
    let workers = tokio::runtime::Handle::current().metrics().num_workers();
    screen.line("");
    screen.line(&format!(
        "The first is one task. The others are {TASKS} tasks on {workers} threads, each reading one"
    ));
    screen.line("profile after another: through MultiplexedConnection; through AsyncCommands on");
    screen.line(&format!(
        "swapplex's connection; through Client::get. Medians of {ROUNDS} rounds, in turns."
    ));
}

fn row(name: &str, rate: &str, ratio: &str, keys: &str) -> String {
    format!("{name:<34}{rate:>10}  {ratio:>12}  {keys:>15}")
}
