//! Everything that redis-rs's users do with a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use env_url::{ParseError, Url};
use futures_util::StreamExt;
use redis::aio::ConnectionLike;
use redis::{
    AsyncCommands, ErrorKind, RedisError, RedisResult, Script, ServerError, ServerErrorKind, Value,
    from_redis_value,
};
use swapplex::config::Source;
use swapplex::{Client, Error};
use swapplex_tests::RedisServer;

fn start() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    (server, client)
}

#[tokio::test]
async fn commands_of_every_family_work() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let () = conn.set("s", "text").await.unwrap();
    assert_eq!(conn.get::<_, String>("s").await.unwrap(), "text");
    assert_eq!(conn.get::<_, Option<String>>("none").await.unwrap(), None);
    assert_eq!(conn.incr::<_, _, i64>("n", 5).await.unwrap(), 5);
    let () = conn.hset_multiple("h", &[("a", 1), ("b", 2)]).await.unwrap();
    let hash: HashMap<String, i32> = conn.hgetall("h").await.unwrap();
    assert_eq!((hash["a"], hash["b"]), (1, 2));
    assert_eq!(conn.rpush::<_, _, usize>("l", &[1, 2, 3]).await.unwrap(), 3);
    assert_eq!(conn.lrange::<_, Vec<i32>>("l", 0, -1).await.unwrap(), [1, 2, 3]);
    let () = conn
        .zadd_multiple("z", &[(1.5, "x"), (f64::INFINITY, "y")])
        .await
        .unwrap();
    let scores: Vec<(String, f64)> = conn.zrange_withscores("z", 0, -1).await.unwrap();
    assert_eq!(scores, [("x".into(), 1.5), ("y".into(), f64::INFINITY)]);
    let id: String = conn.xadd("stream", "*", &[("field", "value")]).await.unwrap();
    let range: redis::streams::StreamRangeReply = conn.xrange_all("stream").await.unwrap();
    assert_eq!(range.ids[0].id, id);
    let () = conn
        .geo_add("geo", (13.361_389, 38.115_556, "Palermo"))
        .await
        .unwrap();
    assert!(conn.exists::<_, bool>("geo").await.unwrap());
    let version: redis::InfoDict = redis::cmd("INFO").query_async(&mut conn).await.unwrap();
    assert!(version.get::<String>("redis_version").is_some());
}

#[tokio::test]
async fn scripts_are_loaded_when_the_server_does_not_know_them() {
    let (server, client) = start();
    let script = Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])");
    for expected in [7, 14] {
        let sum: i64 = script
            .key("sum")
            .arg(7)
            .invoke_async(&mut client.connection())
            .await
            .unwrap();
        assert_eq!(sum, expected);
    }
    server.ok(&["SCRIPT", "FLUSH"]);
    let sum: i64 = script
        .key("sum")
        .arg(1)
        .invoke_async(&mut client.connection())
        .await
        .unwrap();
    assert_eq!(sum, 15);
}

#[tokio::test]
async fn a_pipeline_answers_command_by_command() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let (a, b): (i64, Option<String>) = redis::pipe()
        .set("k", 1)
        .ignore()
        .incr("k", 41)
        .get("none")
        .query_async(&mut conn)
        .await
        .unwrap();
    assert_eq!((a, b), (42, None));

    let mut long = redis::pipe();
    for i in 0..5000 {
        long.rpush("long", i);
    }
    let lengths: Vec<usize> = long.query_async(&mut conn).await.unwrap();
    assert_eq!(lengths, (1..=5000).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_error_inside_a_pipeline_names_its_command() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let mut pipe = redis::pipe();
    pipe.set("k", "text").incr("k", 1).get("k");
    let error = pipe.query_async::<Value>(&mut conn).await.unwrap_err();
    let errors = error.into_server_errors().unwrap();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0, 1);
    let results: Vec<RedisResult<String>> = pipe.ignore_errors().query_async(&mut conn).await.unwrap();
    assert_eq!(results[2].as_deref(), Ok("text"));
    assert!(results[1].is_err());
}

#[tokio::test]
async fn an_atomic_pipeline_is_a_transaction() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let (n, text): (i64, String) = redis::pipe()
        .atomic()
        .incr("n", 2)
        .set("s", "x")
        .ignore()
        .get("s")
        .query_async(&mut conn)
        .await
        .unwrap();
    assert_eq!((n, text.as_str()), (2, "x"));
    let empty: () = redis::pipe().atomic().query_async(&mut conn).await.unwrap();
    assert_eq!(empty, ());
}

#[tokio::test]
async fn an_error_while_a_transaction_runs_belongs_to_its_command() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let mut pipe = redis::pipe();
    pipe.atomic().set("k", "text").incr("k", 1).set("after", 1);
    let errors = pipe
        .query_async::<Value>(&mut conn)
        .await
        .unwrap_err()
        .into_server_errors()
        .unwrap();
    assert_eq!(errors[0].0, 1);
    assert_eq!(
        conn.get::<_, i32>("after").await.unwrap(),
        1,
        "Redis does not roll back"
    );
}

#[tokio::test]
async fn a_transaction_refused_while_queued_names_its_commands_as_redis_rs_does() {
    let (server, client) = start();
    let mut pipe = redis::pipe();
    pipe.atomic()
        .set("k", 1)
        .cmd("NOSUCH")
        .arg(1)
        .set("k", 2)
        .cmd("GET");
    let ours = pipe
        .query_async::<Value>(&mut client.connection())
        .await
        .unwrap_err();
    let mut theirs = redis::Client::open(server.url())
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let theirs = pipe.query_async::<Value>(&mut theirs).await.unwrap_err();
    assert_eq!(ours.kind(), ErrorKind::Server(ServerErrorKind::ExecAbort));
    // But for the arguments of a command that the server does not know: they may be secret.
    let shown = |text: String| text.replace(", with args beginning with: '1' ", "");
    assert!(theirs.to_string().contains("with args"), "{theirs}");
    assert_eq!(ours.to_string(), shown(theirs.to_string()));
    let errors = |error: RedisError| {
        let errors = error.into_server_errors().unwrap();
        let text = |error: &ServerError| {
            let details = error.details().map(|text| shown(text.to_owned()));
            (error.code().to_owned(), details)
        };
        let errors = errors.iter().map(|(at, error)| (*at, text(error)));
        errors.collect::<Vec<_>>()
    };
    let (ours, theirs) = (errors(ours), errors(theirs));
    assert_eq!(ours, theirs);
    assert_eq!(ours.iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [1, 3]);
    let exists: bool = client.connection().exists("k").await.unwrap();
    assert!(!exists, "nothing of it ran");
}

#[tokio::test]
async fn a_transaction_whose_multi_is_refused_is_told_what_the_server_said() {
    let server = RedisServer::builder().user("app on >p ~* +@all -multi").start();
    let client = Client::open(server.url_as("app", "p")).unwrap();
    let mut transaction = redis::pipe();
    transaction.atomic().incr("n", 1).cmd("NOSUCH").get("n");
    let mut own = client.connection().dedicated().await.unwrap();
    for _ in 0..2 {
        let error = transaction
            .exec_async(&mut client.connection())
            .await
            .unwrap_err();
        assert_eq!(error.code(), Some("NOPERM"), "{error}");
        assert!(error.to_string().contains("multi"), "{error}");
    }
    let error = transaction.exec_async(&mut own).await.unwrap_err();
    assert_eq!(error.code(), Some("NOPERM"), "{error}");
    // They were under way behind it, and without it the server takes them for commands like any other.
    assert_eq!(client.get("n").await.unwrap().as_deref(), Some(&b"3"[..]));
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn a_transaction_whose_exec_is_refused_is_told_what_the_server_said() {
    let server = RedisServer::builder().user("app on >p ~* +@all -exec").start();
    let client = Client::open(server.url_as("app", "p")).unwrap();
    let mut transaction = redis::pipe();
    transaction.atomic().set("k", 1).get("k");
    for _ in 0..2 {
        let error = transaction
            .exec_async(&mut client.connection())
            .await
            .unwrap_err();
        assert_eq!(
            error.kind(),
            ErrorKind::Server(ServerErrorKind::ExecAbort),
            "{error}"
        );
        assert!(error.to_string().contains("'exec'"), "{error}");
        // Those of its commands, which is not what this is.
        transaction.ignore_errors();
    }
    assert_eq!(client.get("k").await.unwrap(), None, "nothing of it ran");
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn server_errors_are_values_to_connection_like() {
    let (_server, client) = start();
    let value = client
        .connection()
        .req_packed_command(redis::cmd("NOSUCH").arg(1))
        .await
        .unwrap();
    assert!(matches!(value, Value::ServerError(_)));
    let pipe = redis::pipe().cmd("NOSUCH").cmd("PING").to_owned();
    let values = client
        .connection()
        .req_packed_commands(&pipe, 0, 2)
        .await
        .unwrap();
    assert!(matches!(
        values[..],
        [Value::ServerError(_), Value::SimpleString(_)]
    ));
}

#[tokio::test]
async fn a_command_without_response_is_sent_and_not_waited_for() {
    let (server, client) = start();
    let mut conn = client.connection();
    for _ in 0..100 {
        let value = conn
            .req_packed_command(redis::cmd("INCR").arg("n").set_no_response(true))
            .await
            .unwrap();
        assert_eq!(value, Value::Nil);
    }
    assert_eq!(conn.get::<_, i64>("n").await.unwrap(), 100);
    assert_eq!(server.calls("incr"), 100);
}

#[tokio::test]
async fn scans_run_to_their_end() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let keys: Vec<String> = (0..1000).map(|i| format!("scan:{i}")).collect();
    futures_util::future::join_all(keys.iter().map(|key| client.set(key, 1))).await;
    let mut found: Vec<String> = conn
        .scan_match::<_, String>("scan:*")
        .await
        .unwrap()
        .map(Result::unwrap)
        .collect()
        .await;
    found.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(found, keys);
}

#[tokio::test]
async fn what_would_spoil_the_connection_for_others_is_refused_with_advice() {
    let (_server, client) = start();
    let mut conn = client.connection();
    for name in [
        "SUBSCRIBE",
        "monitor",
        "WATCH",
        "MULTI",
        "EXEC",
        "SELECT",
        "HELLO",
        "RESET",
        "QUIT",
        "WAIT",
    ] {
        let error = redis::cmd(name).arg("1").exec_async(&mut conn).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Client, "{name}");
        assert!(error.to_string().contains(&name.to_uppercase()), "{error}");
        let error = redis::pipe()
            .cmd("PING")
            .cmd(name)
            .exec_async(&mut conn)
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Client, "{name} in a pipeline");
    }
    let () = conn.ping().await.unwrap();
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn nobody_can_switch_off_the_replies_of_others() {
    let (_server, client) = start();
    let mut conn = client.connection();
    for key in ["a", "b"] {
        client.set(key, key).await.unwrap();
    }
    for mode in ["SKIP", "OFF", "ON"] {
        let mut others = client.connection();
        let mut reply = redis::cmd("client");
        reply.arg("reply").arg(mode);
        let (error, a, b) = tokio::join!(
            reply.exec_async(&mut conn),
            client.get("a"),
            others.get::<_, String>("b")
        );
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Client, "{mode}");
        assert_eq!(a.unwrap().as_deref(), Some(&b"a"[..]));
        assert_eq!(b.unwrap(), "b");
    }
}

#[tokio::test]
async fn empty_commands_are_refused() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let error = redis::Cmd::new().exec_async(&mut conn).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Client);
    let error = redis::pipe().exec_async(&mut conn).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Client);
    let mut with_gap = redis::pipe();
    with_gap.cmd("PING").add_command(redis::Cmd::new()).cmd("PING");
    assert!(with_gap.exec_async(&mut conn).await.is_err());
    let () = conn.ping().await.unwrap();
}

#[tokio::test]
async fn a_unix_socket_a_user_and_a_database_number_work() {
    let server = RedisServer::builder()
        .unix_socket()
        .user("app on >p@ss:word ~* +@all")
        .start();
    let path = server.unix_path().unwrap();
    let url = format!("unix://{}?db=3&user=app&pass=p%40ss%3Aword", path.display());
    let client = Client::open(url).unwrap();
    client.set("k", "v").await.unwrap();
    assert_eq!(client.connection().get_db(), 3);
    server.ok(&["SELECT", "3"]);
    assert_eq!(server.ok(&["GET", "k"]).text(), "v");
    let whoami: String = redis::cmd("ACL")
        .arg("WHOAMI")
        .query_async(&mut client.connection())
        .await
        .unwrap();
    assert_eq!(whoami, "app");
    let info: String = redis::cmd("CLIENT")
        .arg("INFO")
        .query_async(&mut client.connection())
        .await
        .unwrap();
    assert!(info.contains(" db=3 ") && info.contains(" resp=3"), "{info}");
}

#[tokio::test]
async fn the_database_number_is_that_of_the_last_connect_and_is_not_read_again() {
    /// A configuration that can be read once.
    static ADDRESS: Mutex<Option<String>> = Mutex::new(None);
    fn address() -> Result<Url, ParseError> {
        Url::parse(&ADDRESS.lock().unwrap().take().unwrap_or_default())
    }
    let server = RedisServer::start();
    let configure = |db| *ADDRESS.lock().unwrap() = Some(format!("{}/{db}", server.url()));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&seen);
    let client = Client::builder(Source::service_url(address))
        .on_connect(move |connection| {
            noted.lock().unwrap().push(connection.get_db());
            async { Ok::<_, RedisError>(()) }
        })
        .build();
    let connection = client.connection();
    assert_eq!(connection.get_db(), 0, "there is none yet");
    configure(2);
    assert_eq!(connection.get_db(), 2, "before the first connect");
    assert_eq!(connection.get_db(), 2);

    for db in [3, 4] {
        configure(db);
        assert_eq!(connection.get_db(), db - 1);
        server.kill_clients();
        client.set("k", db).await.unwrap();
        assert_eq!(connection.get_db(), db);
        server.ok(&["SELECT", &db.to_string()]);
        assert_eq!(server.ok(&["GET", "k"]).text(), db.to_string());
    }
    assert_eq!(*seen.lock().unwrap(), [3, 4]);
}

#[tokio::test]
async fn resp2_serves_as_well() {
    let server = RedisServer::builder().password("secret").start();
    let client = Client::open(format!("{}/2?protocol=resp2&client_name=tests", server.url())).unwrap();
    client.set("k", "v").await.unwrap();
    assert_eq!(
        client.get_many(["a", "k", "k"]).await.unwrap()[1].as_deref(),
        Some(&b"v"[..])
    );
    let mut conn = client.connection();
    let () = conn.hset("h", "f", 1).await.unwrap();
    let hash: HashMap<String, i32> = conn.hgetall("h").await.unwrap();
    assert_eq!(hash["f"], 1);
    let info: String = redis::cmd("CLIENT")
        .arg("INFO")
        .query_async(&mut conn)
        .await
        .unwrap();
    assert!(
        info.contains(" name=tests ") && info.contains(" resp=2") && info.contains(" db=2 "),
        "{info}"
    );
}

#[test]
fn outside_of_a_runtime_there_is_an_error_and_no_panic() {
    let client = Client::open("redis://127.0.0.1:1").unwrap();
    let error = poll_once(client.get("k")).unwrap_err();
    assert!(matches!(error, Error::NoRuntime));
    assert!(error.to_string().contains("Tokio runtime"));
    assert!(matches!(client.connection().is_live(), Err(Error::NoRuntime)));
}

/// Polls once: all that a future needs which fails at once.
fn poll_once<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut cx) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("not ready at once"),
    }
}

/// What `docs::connection_manager` says.
#[tokio::test]
async fn pairs_are_read_as_pairs_in_both_protocols_and_into_a_flat_list_in_resp2_alone() {
    let server = RedisServer::start();
    for (url, is_resp2) in [
        (server.url() + "?protocol=resp2", true),
        (server.url() + "?protocol=resp3", false),
    ] {
        let client = Client::open(url).unwrap();
        let mut conn = client.connection();
        let () = conn
            .hset_multiple("h", &[("one", "1"), ("two", "2")])
            .await
            .unwrap();
        server.set_config("maxclients", "100");
        for (command, is_map) in [
            ("HGETALL h", true),
            ("CONFIG GET maxclients", true),
            ("HRANDFIELD h 2 WITHVALUES", false),
            ("ZRANGE z 0 -1 WITHSCORES", false),
            ("ZPOPMIN z 2", false),
        ] {
            let () = conn.zadd_multiple("z", &[(1, "one"), (2, "two")]).await.unwrap();
            let words: Vec<_> = command.split(' ').collect();
            let mut asked = redis::cmd(words[0]);
            let value: Value = asked.arg(&words[1..]).query_async(&mut conn).await.unwrap();
            let pairs: Vec<(String, u64)> = from_redis_value(value.clone()).unwrap();
            assert!(!pairs.is_empty(), "{command}: {value:?}");
            let map: Result<HashMap<String, u64>, _> = from_redis_value(value.clone());
            assert_eq!(map.is_ok(), is_resp2 || is_map, "{command}: {value:?}");
            let flat: Result<Vec<String>, _> = from_redis_value(value.clone());
            assert_eq!(flat.is_ok(), is_resp2, "{command}: {value:?}");
        }
    }
}

#[tokio::test]
async fn what_is_skipped_of_a_plain_pipeline_is_nobodys_concern() {
    let (_server, client) = start();
    let mut conn = client.connection();
    let () = conn.set("k", "v").await.unwrap();
    let mut pipe = redis::pipe();
    pipe.cmd("NOSUCH").get("k");
    let values = conn.req_packed_commands(&pipe, 1, 1).await.unwrap();
    assert_eq!(values, [Value::BulkString(b"v".to_vec())]);
}

#[tokio::test]
async fn what_is_refused_for_good_is_no_dropped_connection_to_redis_rs() {
    let server = RedisServer::builder().password("right").start();
    for url in [
        server.url_as("", "wrong"),
        format!("redis://127.0.0.1:{}", server.port()),
        format!("{}/99", server.url()),
    ] {
        let error = Client::open(&url)
            .unwrap()
            .connection()
            .get::<_, Value>("k")
            .await;
        let error = error.unwrap_err();
        assert!(!error.is_connection_dropped() && !error.is_timeout(), "{error}");
    }
}
