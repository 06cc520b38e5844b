//! What is large must not stay in memory once it is done with. One test, since it looks at the whole process.

use redis::AsyncCommands;
use swapplex::Client;
use swapplex::config::Source;
use swapplex_tests::{RedisServer, memory};

const MIB: u64 = 1 << 20;

#[tokio::test]
async fn large_values_leave_nothing_behind() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .in_flight_budget(1 << 30)
        .build();
    let length: u64 = client
        .connection()
        .setrange("large", (64 << 20) - 1, "x")
        .await
        .unwrap();
    assert_eq!(length, 64 * MIB);
    let Some(before) = memory::resident() else {
        return;
    };
    let grown = || memory::resident().map_or(0, |now| now.saturating_sub(before)) / MIB;

    client.get("large").await.unwrap().expect("a value");
    client.get("none").await.unwrap();
    assert!(grown() < 16, "{} MiB stay of a reply of 64", grown());
}
