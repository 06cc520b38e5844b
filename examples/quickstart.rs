//! The ten lines of the README, against the server that the environment names, or the one on this machine.

use std::error::Error;
use std::process::ExitCode;

use redis::AsyncCommands;

async fn run() -> Result<(), Box<dyn Error>> {
    swapplex::set("quickstart:7:name", "Ada").await?;

    // However many tasks ask at the same time, one MGET answers them.
    let (name, email) = tokio::try_join!(
        swapplex::get("quickstart:7:name"),
        swapplex::get("quickstart:7:email")
    )?;
    println!("name: {name:?}, email: {email:?}");

    // All of redis-rs works on a connection, which costs nothing to get.
    let mut connection = swapplex::get_connection();
    let visits: u64 = connection.incr("quickstart:7:visits", 1).await?;
    println!("visits: {visits}");

    let () = connection
        .del(&["quickstart:7:name", "quickstart:7:visits"])
        .await?;
    Ok(())
}

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    eprintln!("{error}");
    eprintln!();
    eprintln!("{}", swapplex::config::Source::env("REDIS").explain());
    eprintln!();
    eprintln!("To use another server: REDIS_URL=redis://host:port cargo run … --example quickstart");
    ExitCode::FAILURE
}
