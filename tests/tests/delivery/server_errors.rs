//! Errors that a server gives for answers: its caller gets them, and the connection stays.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use redis::{AsyncCommands, cmd};
use swapplex::config::Source;
use swapplex::{Client, ConnectError, ConnectionEvent, Error, HandshakeError, NotExecuted, NotReady};
use swapplex_tests::{Answer, RedisServer, Reply, ScriptedServer};
use tokio::task::{spawn_blocking, yield_now};

use crate::oracle::Load;

/// The code of an error that the server gave.
fn code<T: std::fmt::Debug>(result: Result<T, impl Into<Error>>) -> String {
    match result.map_err(Into::into) {
        Err(Error::Redis(error)) => error.code().unwrap_or_default().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// Why there is no connection, which is nothing that would last for ever.
async fn failure(url: &str) -> Arc<ConnectError> {
    match Client::open(url).unwrap().ready().await {
        Err(NotReady::Connect(cause)) if !cause.is_permanent() => cause,
        other => panic!("{url}: {other:?}"),
    }
}

/// What a server said that did not let us in.
async fn refused(url: &str) -> String {
    let cause = failure(url).await;
    match &*cause {
        ConnectError::Handshake {
            error: HandshakeError::Refused(text),
            ..
        } => text.clone(),
        other => panic!("{url}: {other:?}"),
    }
}

/// Runs a script until it is killed.
async fn endless(client: &Client) -> redis::RedisResult<()> {
    cmd("EVAL")
        .arg("while true do end")
        .arg(0)
        .exec_async(&mut client.connection())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_11_a_server_with_too_many_clients_says_so_and_lets_us_in_later() {
    let server = RedisServer::start();
    let load = Load::full(&server);
    // The test's own connection takes the place.
    server.ok(&["CONFIG", "SET", "maxclients", "1"]);
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(2500))
        .build();
    let error = client.get("k").await.unwrap_err();
    let Error::NotExecuted(NotExecuted::Unreachable(cause)) = &error else {
        panic!("{error}")
    };
    let ConnectError::Handshake {
        error: HandshakeError::Refused(text),
        ..
    } = &**cause
    else {
        panic!("{cause}")
    };
    assert!(text.contains("max number of clients"), "{text}");
    // The first, and one each 1.5 s at most.
    assert_eq!(client.stats().dials, 2);
    server.ok(&["CONFIG", "SET", "maxclients", "1000"]);
    let mut events = client.connection_stream();
    while !matches!(events.next().await, Some(ConnectionEvent::Connected { .. })) {}
    let account = load.run(&client).await;
    account.assert_untroubled();
    println!("{}", account.settle(&server));
    assert!(client.stats().dials <= 4, "{:?}", client.stats());
}

#[tokio::test]
async fn row_11_the_reason_is_told_whatever_was_asked_first() {
    let server = RedisServer::builder().unix_socket().start();
    server.ok(&["CONFIG", "SET", "maxclients", "1"]);
    let path = server.unix_path().unwrap();
    let urls =
        ["", "/1", "?protocol=resp2", "/1?protocol=resp2"].map(|tail| format!("{}{tail}", server.url()));
    let unix = ["", "?protocol=resp2", "?db=1&protocol=resp2"]
        .map(|tail| format!("unix://{}{tail}", path.display()));
    for url in urls.iter().chain(&unix).cycle().take(70) {
        let text = refused(url).await;
        assert_eq!(text, "ERR max number of clients reached", "{url}");
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_from_outside_says_so() {
    for words in [
        "DENIED Redis is running in protected mode",
        "ERR illegal address: 192.0.2.1",
    ] {
        let server = ScriptedServer::greeting(Answer::error(words).then_close());
        for tail in ["", "?protocol=resp2", "?client_name=tests&protocol=resp2"] {
            assert_eq!(refused(&format!("{}{tail}", server.url())).await, words, "{tail}");
        }
    }
}

#[tokio::test]
async fn what_a_server_does_without_is_no_reason_of_its_own() {
    let server = ScriptedServer::start(|request| match request.argument(1).as_str() {
        "SETINFO" => Answer::error("ERR Unknown subcommand or wrong number of arguments for 'SETINFO'"),
        "ID" => Answer::nothing().then_close(),
        _ => request.handshake().unwrap(),
    });
    let cause = failure(&server.url()).await;
    assert!(
        matches!(
            *cause,
            ConnectError::Handshake {
                error: HandshakeError::Closed,
                ..
            }
        ),
        "{cause}"
    );
}

#[tokio::test]
async fn a_database_that_there_is_not_is_told_at_once() {
    let server = RedisServer::builder().user("app on >p ~* +@all -select").start();
    let urls = [
        format!("{}/99", server.url()),
        format!("{}/99?protocol=resp2", server.url()),
        format!("{}/9999999999", server.url()),
        format!("{}/1", server.url_as("app", "p")),
    ];
    for url in urls {
        let error = Client::open(&*url).unwrap().get("k").await.unwrap_err();
        let Error::NotExecuted(NotExecuted::Connect(cause)) = &error else {
            panic!("{url}: {error}")
        };
        assert!(
            matches!(
                **cause,
                ConnectError::Handshake {
                    error: HandshakeError::Database { .. },
                    ..
                }
            ),
            "{url}: {cause}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_13_a_script_that_runs_for_ever_is_waited_for_where_a_database_is_to_be_selected() {
    let server = RedisServer::builder().config("lua-time-limit", "20").start();
    let other = Client::open(server.url()).unwrap();
    let script = tokio::spawn(async move { endless(&other).await });
    while !matches!(server.command(&["GET", "k"]), Reply::Error(_)) {
        yield_now().await;
    }
    let client = Client::builder(Source::url(format!("{}/1", server.url())).unwrap())
        .reconnect_debounce(Duration::from_millis(20), Duration::ZERO)
        .build();
    let mut events = client.connection_stream();
    let get = tokio::spawn(async move { client.get("k").await });
    let Some(ConnectionEvent::Failed { cause, .. }) = events.next().await else {
        panic!("nothing is selected while the script runs")
    };
    assert!(!cause.is_permanent(), "{cause}");
    assert!(cause.to_string().contains("BUSY"), "{cause}");
    server.ok(&["SCRIPT", "KILL"]);
    script.await.unwrap().unwrap_err();
    assert_eq!(get.await.unwrap().unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_12_a_server_that_takes_no_writes_tells_their_callers_only() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let load = Load::full(&server);
    let set = |name: &str, value: &str| drop(server.ok(&["CONFIG", "SET", name, value]));

    let refuse = async |code: &str| {
        let account = load.run(&client).await;
        assert!(
            account.read_failures().is_empty(),
            "{code}: {:?}",
            account.read_failures()
        );
        let totals = account.settle(&server);
        println!("{code}: {totals}");
        assert_eq!(
            account.refused(code),
            totals.writes,
            "{code}: every write is refused"
        );
    };
    set("maxmemory", "1");
    refuse("OOM").await;
    set("maxmemory", "0");

    // A snapshot cannot take the place of a directory.
    fs::create_dir(server.directory().join("dump.rdb")).unwrap();
    set("save", "3600 1");
    server.ok(&["BGSAVE"]);
    while server.info("persistence")["rdb_last_bgsave_status"] != "err" {
        yield_now().await;
    }
    refuse("MISCONF").await;
    set("save", "");

    set("min-replicas-to-write", "1");
    refuse("NOREPLICAS").await;
    set("min-replicas-to-write", "0");

    let account = load.run(&client).await;
    account.assert_untroubled();
    account.settle(&server);
    assert_eq!((client.stats().dials, client.stats().losses), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_13_a_script_that_runs_for_ever_is_told_of_and_all_is_well_once_it_is_killed() {
    let server = Arc::new(RedisServer::builder().config("lua-time-limit", "20").start());
    let client = Client::open(server.url()).unwrap();
    client.set("k", "v").await.unwrap();
    let load = Load::full(&server);
    // Elsewhere: behind it on one connection, everybody would wait for it.
    let other = Client::open(server.url()).unwrap();
    let script = tokio::spawn(async move { endless(&other).await });
    while !matches!(server.command(&["GET", "k"]), Reply::Error(_)) {
        yield_now().await;
    }
    assert_eq!(code(client.get("k").await), "BUSY");
    assert_eq!(code(client.set("k", 1).await), "BUSY");
    assert_eq!(code(client.connection().incr::<_, _, i64>("n", 1).await), "BUSY");
    let account = load.run(&client).await;
    server.ok(&["SCRIPT", "KILL"]);
    script.await.unwrap().unwrap_err();
    let totals = account.settle(&server);
    println!("{totals}");
    assert_eq!(account.refused("BUSY"), totals.writes);
    assert_eq!(account.read_failures().get("BUSY"), Some(&totals.reads));
    let account = load.run(&client).await;
    account.assert_untroubled();
    account.settle(&server);
    assert_eq!((client.stats().dials, client.stats().losses), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_16_a_key_that_is_denied_fails_its_own_caller_only() {
    let server = Arc::new(
        RedisServer::builder()
            .user("app on >right ~open:* ~swapplex-* +@all")
            .start(),
    );
    let client = Client::open(server.url_as("app", "right")).unwrap();
    let load = Load::full(&server);
    let denying = {
        let client = client.clone();
        tokio::spawn(async move {
            for round in 0..50 {
                let denied = round % 8;
                let key = |i: usize| format!("{}:{round}:{i}", if i == denied { "closed" } else { "open" });
                let sets = join_all((0..8).map(|i| client.set(key(i), i))).await;
                let gets = join_all((0..8).map(|i| client.get(key(i)))).await;
                for (i, (set, get)) in sets.into_iter().zip(gets).enumerate() {
                    if i == denied {
                        assert_eq!((code(set), code(get)), ("NOPERM".into(), "NOPERM".into()));
                    } else {
                        set.unwrap();
                        assert_eq!(get.unwrap().as_deref(), Some(i.to_string().as_bytes()));
                    }
                }
            }
        })
    };
    let accounts = load.run_while(&client, || !denying.is_finished()).await;
    denying.await.unwrap();
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    assert!(client.stats().batches > 0, "some travelled together");
    assert_eq!(client.stats().losses, 0);
    let keys = spawn_blocking(move || server.ok(&["KEYS", "closed:*"]))
        .await
        .unwrap();
    assert_eq!(keys.array(), []);
}

#[tokio::test]
async fn a_transaction_with_an_unknown_command_does_not_repeat_its_arguments() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut transaction = redis::pipe();
    transaction.atomic().cmd("MUMBLE").arg("k").arg("hunter2");
    let shared = transaction
        .exec_async(&mut client.connection())
        .await
        .unwrap_err();
    let mut dedicated = client.dedicated().await.unwrap();
    let dedicated = transaction.exec_async(&mut dedicated).await.unwrap_err();
    for error in [shared, dedicated] {
        let error = format!("{error} {error:?}");
        assert!(error.contains("unknown command 'MUMBLE'"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}
