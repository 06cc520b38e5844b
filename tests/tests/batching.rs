//! Gets and sets that share commands.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::{Assign, Client, Error, Lookup};
use swapplex_tests::{Answer, RedisServer, ScriptedServer};

/// A value that is there.
fn text(value: &str) -> Option<Bytes> {
    Some(value).map(|value| Bytes::copy_from_slice(value.as_bytes()))
}

/// A server, a client that is connected to it, and no calls counted yet.
async fn connected() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("warm", "up").await.unwrap();
    server.reset_calls();
    (server, client)
}

/// How many `MGET`s so many tasks' gets travel in: the median of some rounds, since another program may take a core
/// away in the middle of one.
async fn mgets_of_spawned_gets(tasks: u64) -> u64 {
    let (server, client) = connected().await;
    let mut rounds = Vec::new();
    for round in 0..25 {
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
    rounds[rounds.len() / 2]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gets_of_512_tasks_travel_in_at_most_8_mgets() {
    let mgets = tokio::spawn(mgets_of_spawned_gets(512)).await.unwrap();
    assert!((1..=8).contains(&mgets), "{mgets} MGETs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gets_of_1024_tasks_travel_in_at_most_12_mgets() {
    let mgets = tokio::spawn(mgets_of_spawned_gets(1024)).await.unwrap();
    assert!((1..=12).contains(&mgets), "{mgets} MGETs");
}

#[tokio::test]
async fn a_lone_get_is_one_get() {
    let (server, client) = connected().await;
    for _ in 0..10 {
        assert_eq!(client.get("warm").await.unwrap(), text("up"));
    }
    assert_eq!((server.calls("get"), server.calls("mget")), (10, 0));
}

#[tokio::test]
async fn each_caller_gets_the_value_of_its_own_key() {
    let (_server, client) = connected().await;
    let sets = (0..3000).map(|i| client.set(format!("key:{i}"), i));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    let values = client
        .get_many((0..4000).map(|i| format!("key:{i}")))
        .await
        .unwrap();
    for (i, value) in values.into_iter().enumerate() {
        let expected = (i < 3000).then(|| i.to_string());
        assert_eq!(value, expected.as_deref().and_then(text));
    }
}

/// Sets and gets the keys that a list of texts holds, by reference and by value.
async fn set_and_get<K>(keys: Vec<K>)
where
    for<'a> &'a K: Lookup<Value = Bytes> + Assign<&'static str>,
    K: Lookup<Value = Bytes> + Assign<&'static str>,
{
    let (_server, client) = connected().await;
    for key in &keys {
        client.set(key, "one").await.unwrap();
        assert_eq!(client.get(key).await.unwrap(), text("one"));
    }
    client
        .set_many(keys.iter().map(|key| (key, "two")))
        .await
        .unwrap();
    let all = vec![text("two"); keys.len()];
    assert_eq!(client.get_many(&keys).await.unwrap(), all);
    assert_eq!(client.get_many(keys).await.unwrap(), all);
}

#[tokio::test]
async fn keys_are_taken_in_whatever_holds_their_text() {
    set_and_get(vec!["a", "b"]).await;
    set_and_get(vec![String::from("a")]).await;
    set_and_get(vec![Box::<str>::from("a")]).await;
    set_and_get(vec![Arc::<str>::from("a")]).await;
    set_and_get(vec![Cow::Borrowed("a"), Cow::Owned("b".into())]).await;
}

#[tokio::test]
async fn the_same_key_is_asked_for_once() {
    let (server, client) = connected().await;
    // The first goes out alone, since nobody else is about yet.
    let values = client
        .get_many(["other", "warm", "none", "warm", "warm"])
        .await
        .unwrap();
    assert_eq!(values, [None, text("up"), None, text("up"), text("up")]);
    assert_eq!((server.calls("get"), server.calls("mget")), (1, 1));
    assert_eq!(client.stats().batched_keys, 2);
}

#[tokio::test]
async fn the_later_of_two_values_for_a_key_wins() {
    let (server, client) = connected().await;
    let sets = [("first", 0), ("a", 1), ("b", 2), ("a", 3)].map(|(key, value)| client.set(key, value));
    assert!(join_all(sets).await.iter().all(Result::is_ok));
    assert_eq!(client.get("a").await.unwrap(), text("3"));
    assert_eq!(client.get("b").await.unwrap(), text("2"));
    assert_eq!((server.calls("set"), server.calls("mset")), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_later_of_two_values_in_one_call_wins_on_a_client_that_has_to_connect_first() {
    let server = RedisServer::start();
    for round in 0..3 {
        let client = Client::open(server.url()).unwrap();
        let keys = (0..50).map(|i| format!("{round}:{i}"));
        let (before, after): (Vec<_>, Vec<_>) = keys.map(|key| ((key.clone(), "old"), (key, "new"))).unzip();
        let pairs = before.into_iter().chain(after.clone());
        client.set_many(pairs).await.unwrap();
        let values = client.get_many(after.into_iter().map(|(key, _)| key)).await;
        assert_eq!(values.unwrap(), vec![text("new"); 50]);
    }
}

#[tokio::test]
async fn a_key_that_holds_no_string_is_none_alone_and_in_company() {
    let (_server, client) = connected().await;
    let _: () = client.connection().rpush("list", 1).await.unwrap();
    assert_eq!(client.get("list").await.unwrap(), None);
    assert_eq!(
        client.get_many(["x", "list", "warm"]).await.unwrap(),
        [None, None, text("up")]
    );
    let plain = client.connection().get::<_, Bytes>("list").await.unwrap_err();
    assert_eq!(plain.code(), Some("WRONGTYPE"));
}

#[tokio::test]
async fn only_the_owner_of_a_denied_key_sees_the_error() {
    let server = RedisServer::builder()
        .user("app on >secret ~open:* +@all")
        .start();
    let client = Client::open(server.url_as("app", "secret")).unwrap();
    let _: () = client.connection().set("open:1", "one").await.unwrap();
    for round in 0..3 {
        server.reset_calls();
        let keys = ["open:0", "open:1", "denied", "open:2"];
        let results = join_all(keys.map(|key| client.get(key))).await;
        assert_eq!(results[1].as_ref().unwrap(), &text("one"));
        assert!(results[0].is_ok() && results[3].is_ok());
        assert!(matches!(&results[2], Err(Error::Redis(error)) if error.code() == Some("NOPERM")));
        if round > 0 {
            assert_eq!(
                server.calls("mget"),
                1,
                "the denied key is asked for apart from the others"
            );
        }
    }
}

#[tokio::test]
async fn only_the_owner_of_a_denied_key_fails_to_set_it() {
    let server = RedisServer::builder()
        .user("app on >secret ~open:* +@all")
        .start();
    let client = Client::open(server.url_as("app", "secret")).unwrap();
    let results = join_all(["open:0", "open:1", "denied", "open:2"].map(|key| client.set(key, "v"))).await;
    assert!(matches!(&results[2], Err(Error::Redis(error)) if error.code() == Some("NOPERM")));
    for (i, result) in results.iter().enumerate().filter(|(i, _)| *i != 2) {
        assert!(result.is_ok(), "{i}: {result:?}");
    }
    let values = client.get_many(["open:0", "open:1", "open:2"]).await.unwrap();
    assert_eq!(values, [text("v"), text("v"), text("v")]);
}

#[tokio::test]
async fn where_mget_is_denied_gets_travel_one_by_one() {
    let server = RedisServer::builder()
        .user("app on >secret ~* +@all -mget -mset")
        .start();
    let client = Client::open(server.url_as("app", "secret")).unwrap();
    let sets = join_all((0..5).map(|i| client.set(format!("k{i}"), i))).await;
    assert!(sets.iter().all(Result::is_ok), "{sets:?}");
    for _ in 0..2 {
        let values = client.get_many((0..5).map(|i| format!("k{i}"))).await.unwrap();
        assert_eq!(values, (0..5).map(|i| text(&i.to_string())).collect::<Vec<_>>());
    }
    assert_eq!(server.calls("mget"), 0);
}

#[tokio::test]
async fn an_error_of_a_shared_set_is_told_to_every_member() {
    let (server, client) = connected().await;
    server.ok(&["CONFIG", "SET", "maxmemory", "1"]);
    let results = join_all((0..4).map(|i| client.set(format!("k{i}"), i))).await;
    for result in results {
        assert!(matches!(result, Err(Error::Redis(error)) if error.code() == Some("OOM")));
    }
    server.ok(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(client.stats().losses, 0);
    client.set("k", "v").await.unwrap();
}

#[tokio::test]
async fn a_key_is_set_apart_for_being_denied_and_for_nothing_else() {
    for (error, is_set_apart) in [
        ("NOPERM No permissions to access a key", true),
        ("OOM no memory", false),
    ] {
        let mut is_first = true;
        let server = ScriptedServer::start(move |request| {
            request
                .handshake()
                .unwrap_or_else(|| match request.name().as_str() {
                    "MSET" if std::mem::take(&mut is_first) => {
                        Answer::error("NOPERM No permissions to access a key")
                    }
                    "SET" if request.argument(1) == "a" => Answer::error(error),
                    _ => Answer::ok(),
                })
        });
        let client = Client::open(server.url()).unwrap();
        client.set("warm", 1).await.unwrap();
        for _ in 0..2 {
            join_all(["first", "a", "b"].map(|key| client.set(key, 1))).await;
        }
        let requests = server.seen().requests;
        let sharing = requests.iter().filter(|request| {
            request.name() == "MSET" && request.arguments.iter().any(|argument| argument == b"a")
        });
        let expected = if is_set_apart { 1 } else { 2 };
        assert_eq!(sharing.count(), expected, "{error}: {requests:?}");
    }
}

#[tokio::test]
async fn requests_of_one_poll_go_out_in_order() {
    let (_server, client) = connected().await;
    for i in 0..200 {
        let mut connection = client.connection();
        let key = format!("order:{}", i % 7);
        let (_, set, read, incremented, last) = tokio::join!(
            client.get("warm"),
            client.set(&key, i),
            client.get(&key),
            async { connection.incr::<_, _, u64>(&key, 1).await },
            client.get(&key),
        );
        set.unwrap();
        assert_eq!(read.unwrap(), text(&i.to_string()));
        assert_eq!(incremented.unwrap(), i + 1);
        assert_eq!(last.unwrap(), text(&(i + 1).to_string()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_of_all_sizes_come_back_whole() {
    let (_server, client) = connected().await;
    let client = Arc::new(client);
    let value = |size: usize| -> Vec<u8> {
        (0..size)
            .map(|i| ((i * 31 + size) % 251).to_le_bytes()[0])
            .collect()
    };
    let sizes = [
        0,
        1,
        100,
        8191,
        8192,
        65_535,
        65_536,
        70_000,
        1 << 20,
        5 << 20,
        20 << 20,
    ];
    let tasks = sizes.map(|size| {
        let client = Arc::clone(&client);
        tokio::spawn(async move {
            client.set(format!("size:{size}"), value(size)).await.unwrap();
            client.get(format!("size:{size}")).await.unwrap()
        })
    });
    for (task, size) in tasks.into_iter().zip(sizes) {
        assert!(
            task.await.unwrap().is_some_and(|read| read == value(size)),
            "{size} bytes"
        );
    }
    let together = client
        .get_many(sizes.map(|size| format!("size:{size}")))
        .await
        .unwrap();
    for (read, size) in together.into_iter().zip(sizes) {
        assert!(read.is_some_and(|read| read == value(size)), "{size} bytes");
    }
}

#[tokio::test]
async fn on_a_node_of_a_cluster_no_keys_share_a_command() {
    let server = RedisServer::builder().config("cluster-enabled", "yes").start();
    server.ok(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    while server
        .command(&["CLUSTER", "INFO"])
        .text()
        .contains("cluster_state:fail")
    {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let client = Client::open(server.url()).unwrap();
    client.set("n", 1).await.unwrap();
    let mut connection = client.connection();
    // Refused as a part of an `MSET`, the second set would be sent again behind the `INCR`.
    let (first, other, set, counted) = tokio::join!(
        biased;
        client.get("first"),
        client.set("other", 1),
        client.set("n", 100),
        async { connection.incr::<_, _, i64>("n", 1).await },
    );
    assert_eq!((first.unwrap(), other.unwrap(), set.unwrap()), (None, (), ()));
    assert_eq!(counted.unwrap(), 101);
    assert_eq!(server.calls("mset"), 0);
}

#[tokio::test]
async fn where_the_shared_commands_are_renamed_no_keys_share_one() {
    let server = RedisServer::builder()
        .config("rename-command", "MGET \"\"")
        .config("rename-command", "MSET \"\"")
        .start();
    let client = Client::open(server.url()).unwrap();
    for _ in 0..2 {
        let sets = join_all((0..20).map(|i| client.set(format!("k{i}"), i))).await;
        assert!(sets.iter().all(Result::is_ok), "{sets:?}");
        let gets = join_all((0..20).map(|i| client.get(format!("k{i}")))).await;
        for (i, got) in gets.into_iter().enumerate() {
            assert_eq!(got.unwrap(), text(&i.to_string()));
        }
    }
}
