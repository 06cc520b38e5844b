//! In how few commands the gets of many tasks travel.
//!
//! Apart from the other tests of batching, which would take the processors away while tasks gather.

use swapplex::Client;
use swapplex_tests::RedisServer;

/// How many `MGET`s so many tasks' gets travel in: the third best of nine rounds, since whoever takes a core away in the
/// middle of one only adds to them.
async fn mgets_of_spawned_gets(tasks: u64) -> u64 {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("warm", "up").await.unwrap();
    let mut rounds = Vec::new();
    for round in 0..9 {
        server.reset_calls();
        let tasks: Vec<_> = (0..tasks)
            .map(|i| {
                let client = client.clone();
                tokio::spawn(async move { client.get(format!("round:{round}:{i}")).await })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap(), None);
        }
        rounds.push(server.calls("mget"));
    }
    rounds.sort_unstable();
    println!("{tasks} tasks: {rounds:?} MGETs");
    rounds[2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gets_of_512_tasks_travel_in_at_most_8_mgets_and_those_of_1024_in_12() {
    for (tasks, most) in [(512, 8), (1024, 12)] {
        let mgets = tokio::spawn(mgets_of_spawned_gets(tasks)).await.unwrap();
        assert!((1..=most).contains(&mgets), "{mgets} MGETs for {tasks} tasks");
    }
}
