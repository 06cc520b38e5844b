//! One keyspace in three databases: two that have a type and variables of their own, and one by its URL at run time.
//!
//! ```text
//! SESSIONS_URL=redis://127.0.0.1:6379/1 CACHE_URL=redis://127.0.0.1:6379/2 \
//!     cargo run -p swapplex-examples --example databases -- redis://127.0.0.1:6379/3
//! ```
//!
//! Those are the defaults, too.

use std::env;
use std::error::Error;
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::shape::{Counter, Value};
use swapplex::{Client, ClientBuilder, Database, RedisKeys};

/// Who is logged in: must not be lost. `SESSIONS_URL`, or `SESSIONS_HOST` and so on.
#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://127.0.0.1:6379/1")]
struct Sessions;

/// What could be asked for elsewhere, too, so nobody waits for it for long.
#[derive(Database)]
#[swapplex(env = "CACHE", default = "redis://127.0.0.1:6379/2", configure = hasty)]
struct Cache;

fn hasty(builder: ClientBuilder) -> ClientBuilder {
    builder.command_timeout(Duration::from_millis(500))
}

const ARCHIVE: &str = "redis://127.0.0.1:6379/3";

/// The keys. They are in `Sessions`, unless a key is used `on` another database.
#[derive(RedisKeys)]
#[swapplex(prefix = "example", database = Sessions)]
struct Keys {
    #[key("session:{token}", ttl = "1h")]
    session: fn(token: &str) -> Value<u64>,

    #[key("logins")]
    logins: fn() -> Counter,
}

/// Whether these databases can be used: they connect here, at the same time, and say what is wrong with them.
async fn check(archive: &Client) -> Result<(), Box<dyn Error>> {
    let (sessions, cache, archive) = tokio::join!(Sessions::ready(), Cache::ready(), archive.ready());
    for (name, outcome) in [("sessions", sessions), ("cache", cache), ("archive", archive)] {
        outcome.map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let archive = Client::open(env::args().nth(1).as_deref().unwrap_or(ARCHIVE))?;
    check(&archive).await?;

    // The same key in three databases, and three different values.
    let session = Keys::session("abc");
    session.set(&7).await?;
    session.clone().on(Cache::client()).set(&8).await?;
    session.clone().on(&archive).set(&9).await?;
    let (here, cached, archived) = tokio::try_join!(
        session.get(),
        session.clone().on(Cache::client()).get(),
        session.clone().on(&archive).get(),
    )?;
    println!("{session:?}: {here:?} in sessions, {cached:?} in the cache, {archived:?} in the archive");

    // Without a type for the key, and with redis-rs's commands, it is the same for a database and a client.
    Cache::set("example:greeting", "hello").await?;
    archive.set("example:greeting", "good night").await?;
    let greetings = tokio::try_join!(Cache::get("example:greeting"), archive.get("example:greeting"))?;
    println!("greetings: {greetings:?}");
    let logins: u64 = archive.connection().incr(Keys::logins(), 1).await?;
    println!("logins in the archive: {logins}");

    for (name, stats) in [
        ("sessions", Sessions::stats()),
        ("cache", Cache::stats()),
        ("archive", archive.stats()),
    ] {
        println!(
            "{name}: {} requests on {} connection",
            stats.requests, stats.connects
        );
    }

    session.delete().await?;
    session.clone().on(Cache::client()).delete().await?;
    session.on(&archive).delete().await?;
    Keys::logins().on(&archive).delete().await?;
    let () = Cache::connection().del("example:greeting").await?;
    let () = archive.connection().del("example:greeting").await?;
    Ok(())
}
