//! Prints what happens to the connection while commands run, and what the commands get to see of it.
//!
//! Run it, restart your Redis, and watch. With `--kill` it needs nobody: it kills its own connection a few times and
//! ends.

use std::env;
use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use swapplex::config::Source;
use swapplex::{ConnectionEvent, Database, EnvConnection, connection_stream, get_connection};

const TICKS: &str = "swapplex:example:reconnects";
const PACE: Duration = Duration::from_millis(100);
/// Commands that take longer are worth a line.
const SLOW: Duration = Duration::from_millis(50);
const KILLS: usize = 3;
const BETWEEN_KILLS: Duration = Duration::from_millis(2500);

#[tokio::main]
async fn main() -> ExitCode {
    let is_alone = env::args().skip(1).any(|argument| argument == "--kill");
    let began = Instant::now();
    let outcome = tokio::select! {
        () = follow(began) => unreachable!("the events of a database have no end"),
        () = work(began) => unreachable!("so has the work"),
        outcome = kill(began), if is_alone => outcome,
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    let stats = EnvConnection::stats();
    say(
        began,
        &format!(
            "{} requests answered, {} reconnects, {} sent again, {} unknown outcomes",
            stats.requests,
            stats.connects.saturating_sub(1),
            stats.replays,
            stats.unknown_outcomes
        ),
    );
    let tidied = get_connection().del::<_, ()>(TICKS).await;
    match outcome.and(tidied.map_err(Into::into)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints every event.
async fn follow(began: Instant) {
    let mut events = connection_stream::<EnvConnection>();
    while let Some(event) = events.next().await {
        let text = match event {
            ConnectionEvent::Connected { epoch, client_id, .. } => match client_id {
                Some(id) => format!("connected, epoch {epoch}, client {id} of the server"),
                None => format!("connected, epoch {epoch}"),
            },
            ConnectionEvent::Disconnected { epoch, cause, .. } => format!("lost epoch {epoch}: {cause}"),
            ConnectionEvent::Failed {
                cause, next_attempt, ..
            } => {
                let pause = next_attempt.saturating_duration_since(tokio::time::Instant::now());
                format!(
                    "no connection: {cause}; the next attempt is in {} ms or a little later",
                    pause.as_millis()
                )
            }
            event => format!("{event:?}"),
        };
        say(began, &text);
    }
}

/// Writes and reads, and prints what is worth a line: errors, and what took long.
async fn work(began: Instant) {
    let mut connection = get_connection();
    loop {
        let sent = Instant::now();
        match connection.incr::<_, _, u64>(TICKS, 1).await {
            Ok(ticks) => slow(began, sent, &format!("INCR: {ticks}")),
            Err(error) => match swapplex::Error::inside(&error) {
                Some(swapplex::Error::OutcomeUnknown { .. }) => {
                    say(began, &format!("  counted, or not: {error}"));
                }
                Some(swapplex::Error::NotExecuted(_)) => say(began, &format!("  not counted: {error}")),
                _ => say(began, &format!("  {error}")),
            },
        }
        let sent = Instant::now();
        match swapplex::get(TICKS).await {
            Ok(value) => slow(began, sent, &format!("GET: {value:?}")),
            Err(error) => say(began, &format!("  GET: {error}")),
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Kills our own connection as an administrator would, from another one.
async fn kill(began: Instant) -> Result<(), Box<dyn Error>> {
    let mut events = connection_stream::<EnvConnection>();
    let client = redis::Client::open(Source::env("REDIS").load()?.info)?;
    let mut administrator: MultiplexedConnection = client.get_multiplexed_async_connection().await?;
    for _ in 0..KILLS {
        let id = loop {
            if let Some(ConnectionEvent::Connected { client_id, .. }) = events.next().await {
                break client_id.ok_or("the server does not tell the number of a connection")?;
            }
        };
        tokio::time::sleep(BETWEEN_KILLS).await;
        say(began, &format!("CLIENT KILL ID {id}"));
        let () = redis::cmd("CLIENT")
            .arg(&["KILL", "ID", &id.to_string()])
            .query_async(&mut administrator)
            .await?;
    }
    tokio::time::sleep(BETWEEN_KILLS).await;
    Ok(())
}

fn slow(began: Instant, sent: Instant, what: &str) {
    let took = sent.elapsed();
    if took > SLOW {
        say(began, &format!("  {what}, after {} ms", took.as_millis()));
    }
}

fn say(began: Instant, what: &str) {
    println!("{:>8.3} s  {what}", began.elapsed().as_secs_f64());
}
