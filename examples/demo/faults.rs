//! The load goes on while its connection is killed and its server restarted.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::{Client, ConnectionEvent, ConnectionStream, Stats};
use swapplex_tests::{RedisServer, Reply};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::load::{self, Increments, TASKS, Tally, Worker};
use crate::place::Place;
use crate::profiles::Profiles;
use crate::screen::Screen;
use crate::{Failure, text};

const KILLING: Duration = Duration::from_secs(5);
const KILL_EVERY: Duration = Duration::from_millis(20);
const RESTARTS: usize = 3;
/// How long the server is gone.
const GAP: Duration = Duration::from_millis(300);
/// How long all is well in between.
const CALM: Duration = Duration::from_secs(1);
/// How long a reconnect may take before the demo calls it a failure.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(100);

/// What one part of the show came to.
struct Scene {
    title: [String; 2],
    tally: Arc<Tally>,
    stats: Stats,
    faults: u64,
    confirmed: u64,
    unknown: u64,
    on_server: u64,
    /// Counters that are lower than what was confirmed, or higher than that and what is unknown together.
    off: usize,
}

/// The keys that the load writes.
pub(crate) fn keys(prefix: &str) -> impl Iterator<Item = String> {
    (0..TASKS).flat_map(move |task| [load::counter(prefix, task), load::note(prefix, task)])
}

pub(crate) async fn show(
    place: &Place,
    profiles: &Arc<Profiles>,
    screen: &mut Screen,
) -> Result<(), Failure> {
    let mut scenes = vec![killed_connections(place, profiles, screen).await?];
    if let Some(server) = &place.server {
        scenes.push(restarted_server(place, server, profiles, screen).await?);
    }
    screen.line("");
    report(&scenes, screen);
    scenes.iter().try_for_each(Scene::verdict)
}

/// Kills the connection again and again, by its number on the server.
async fn killed_connections(
    place: &Place,
    profiles: &Arc<Profiles>,
    screen: &mut Screen,
) -> Result<Scene, Failure> {
    // With the usual pause between two reconnects, the load would spend most of its time waiting for one.
    let client = place
        .client()
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .build();
    let title = [
        "connection killed".into(),
        format!("every {} ms", KILL_EVERY.as_millis()),
    ];
    let mut killer = place.redis_rs().await?;
    let mut events = client.connection_stream();
    let kill = async move |killed: &dyn Fn()| {
        let began = Instant::now();
        while began.elapsed() < KILLING {
            let id = connected(&mut events).await?;
            let killed_now: i64 = redis::cmd("CLIENT")
                .arg("KILL")
                .arg("ID")
                .arg(id)
                .query_async(&mut killer)
                .await
                .map_err(|error| format!("cannot kill the demo's own connection: {error}"))?;
            if killed_now > 0 {
                killed();
            }
            sleep(KILL_EVERY).await;
        }
        Ok(())
    };
    Scene::play(title, place, profiles, client, KILLING, screen, kill).await
}

/// Restarts the server under the load; it keeps its data, as a server that is told to shut down does.
async fn restarted_server(
    place: &Place,
    server: &Arc<RedisServer>,
    profiles: &Arc<Profiles>,
    screen: &mut Screen,
) -> Result<Scene, Failure> {
    let client = place.client().build();
    let title = ["server restarted".into(), format!("after {} ms", GAP.as_millis())];
    let mut events = client.connection_stream();
    let restart = async move |restarted: &dyn Fn()| {
        connected(&mut events).await?;
        for _ in 0..RESTARTS {
            sleep(CALM).await;
            let server = Arc::clone(server);
            tokio::task::spawn_blocking(move || restart(&server)).await??;
            restarted();
            connected(&mut events).await?;
        }
        sleep(CALM).await;
        Ok(())
    };
    // A reconnect comes 1.5 to 2 s after the one before.
    let about = Duration::from_secs(9);
    Scene::play(title, place, profiles, client, about, screen, restart).await
}

fn restart(server: &RedisServer) -> io::Result<()> {
    // It says nothing if it does what it is told.
    if let Ok(Reply::Error(error)) = server.try_command(&["SHUTDOWN", "SAVE"]) {
        return Err(io::Error::other(error));
    }
    thread::sleep(GAP);
    server.restart();
    Ok(())
}

/// Waits for the next live connection and gives its number on the server.
async fn connected(events: &mut ConnectionStream) -> Result<i64, Failure> {
    let id = async {
        loop {
            if let Some(ConnectionEvent::Connected { client_id, .. }) = events.next().await {
                return client_id;
            }
        }
    };
    timeout(PATIENCE, id)
        .await
        .map_err(|_| "swapplex did not reconnect")?
        .ok_or_else(|| "the server does not tell the number of a connection (CLIENT ID)".into())
}

impl Scene {
    /// Runs the load as long as `fault` does its work, which takes `about` that long.
    async fn play(
        title: [String; 2],
        place: &Place,
        profiles: &Arc<Profiles>,
        client: Client,
        about: Duration,
        screen: &mut Screen,
        fault: impl AsyncFnOnce(&dyn Fn()) -> Result<(), Failure>,
    ) -> Result<Self, Failure> {
        let mut observer = place.redis_rs().await?;
        let counters: Vec<String> = (0..TASKS)
            .map(|task| load::counter(&place.prefix, task))
            .collect();
        let () = observer.del(&counters).await?;

        let tally = Arc::new(Tally::default());
        let is_over = Arc::new(AtomicBool::new(false));
        let mut workers = JoinSet::new();
        for (task, counter) in counters.iter().enumerate() {
            let worker = Worker {
                client: client.clone(),
                profiles: Arc::clone(profiles),
                tally: Arc::clone(&tally),
                counter: counter.clone(),
                note: load::note(&place.prefix, task),
            };
            let is_over = Arc::clone(&is_over);
            workers.spawn(async move { (task, worker.work(is_over).await) });
        }
        let faults = Cell::new(0);
        let happened = || faults.set(faults.get() + 1);
        let began = Instant::now();
        let progress = async {
            loop {
                sleep(TICK).await;
                let thousandths = 1000 * began.elapsed().as_millis() / about.as_millis();
                screen.progress(
                    usize::try_from(thousandths).unwrap_or(1000),
                    &format!(
                        "{} {}×: {} commands, {} errors on reads",
                        title[0],
                        faults.get(),
                        text::grouped(tally.commands()),
                        tally.read_errors.load(Ordering::Relaxed)
                    ),
                );
            }
        };
        let outcome = tokio::select! {
            outcome = fault(&happened) => outcome,
            () = progress => unreachable!("progress has no end"),
        };
        is_over.store(true, Ordering::Relaxed);
        let mut increments = [Increments::default(); TASKS];
        while let Some(worker) = workers.join_next().await {
            let (task, known) = worker?;
            increments[task] = known;
        }
        outcome?;
        // Before the next scene, whose faults this client would otherwise see as well.
        let stats = client.stats();
        drop(client);

        // The server may have been restarted since.
        observer = place.redis_rs().await?;
        let on_server: Vec<Option<u64>> = observer.mget(&counters).await?;
        let on_server: Vec<u64> = on_server.into_iter().map(Option::unwrap_or_default).collect();
        let is_off = |(known, found): &(&Increments, &u64)| {
            !(known.confirmed..=known.confirmed + known.unknown).contains(*found)
        };
        Ok(Self {
            title,
            tally,
            stats,
            faults: faults.get(),
            confirmed: increments.iter().map(|known| known.confirmed).sum(),
            unknown: increments.iter().map(|known| known.unknown).sum(),
            on_server: on_server.iter().sum(),
            off: increments.iter().zip(&on_server).filter(is_off).count(),
        })
    }

    /// # Errors
    ///
    /// Where something went wrong that must not.
    fn verdict(&self) -> Result<(), Failure> {
        let tally = &self.tally;
        let wrongs = [
            (&tally.read_errors, "reads saw an error"),
            (&tally.wrong_values, "reads got a wrong value"),
            (
                &tally.write_errors,
                "writes got an error that does not say whether they were executed",
            ),
        ];
        for (count, what) in wrongs {
            let count = count.load(Ordering::Relaxed);
            if count > 0 {
                let first = tally.first_error().unwrap_or_default();
                return Err(format!("{count} {what}; the first: {first}").into());
            }
        }
        if self.off > 0 {
            return Err(format!("{} counters lost an increment or counted one twice", self.off).into());
        }
        Ok(())
    }

    fn rows(&self) -> Vec<(&'static str, String)> {
        let Tally {
            read_errors,
            unknown,
            not_executed,
            ..
        } = &*self.tally;
        let count = |counter: &AtomicU64| text::grouped(counter.load(Ordering::Relaxed));
        vec![
            ("faults", text::grouped(self.faults)),
            ("reconnects", text::grouped(self.stats.connects.saturating_sub(1))),
            ("commands issued", text::grouped(self.tally.commands())),
            ("errors seen on reads", count(read_errors)),
            ("sent again (replays)", text::grouped(self.stats.replays)),
            ("writes of unknown outcome", count(unknown)),
            ("writes not executed", count(not_executed)),
            ("longest wait", text::duration(self.tally.longest())),
            ("increments confirmed", text::grouped(self.confirmed)),
            ("  of unknown outcome", text::grouped(self.unknown)),
            ("  counted by the server", text::grouped(self.on_server)),
        ]
    }
}

fn report(scenes: &[Scene], screen: &mut Screen) {
    let row = |name: &str, cells: &mut dyn Iterator<Item = &str>| {
        cells.fold(format!("{name:<28}"), |row, cell| row + &format!("{cell:>22}"))
    };
    for line in 0..2 {
        screen.line(&row(
            "",
            &mut scenes.iter().map(|scene| scene.title[line].as_str()),
        ));
    }
    let columns: Vec<_> = scenes.iter().map(Scene::rows).collect();
    for (at, (name, _)) in columns[0].iter().enumerate() {
        screen.line(&row(name, &mut columns.iter().map(|rows| rows[at].1.as_str())));
    }
    for line in [
        "",
        &format!("{TASKS} tasks: 60% reads, 20% INCR, 20% batched sets. A write of unknown outcome was"),
        "sent, and its connection was lost before the reply; its caller is told so.",
        "Each task increments a counter of its own: none may lose a confirmed increment,",
        "or count more than the confirmed and the unknown ones together.",
    ] {
        screen.line(line);
    }
}
