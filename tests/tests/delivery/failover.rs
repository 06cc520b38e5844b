//! Servers that refuse for now: they load their data, or have become replicas.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{AsyncCommands, Value, cmd};
use swapplex::config::Source;
use swapplex::{Client, ConnectionEvent, Error};
use swapplex_tests::{Answer, RedisServer, ScriptedServer};

use super::{eager, live, scripted};

const READONLY: &str = "READONLY You can't write against a read only replica.";
const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// The code of an error that the server has sent.
fn code(error: impl Into<redis::RedisError>) -> String {
    let error = error.into();
    error.code().unwrap_or_else(|| panic!("{error:?}")).to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_09_a_server_that_is_a_replica_for_a_while_costs_no_write_and_no_read() {
    let server = Arc::new(RedisServer::start());
    let client = Client::open(server.url()).unwrap();
    client.set("k", "v").await.unwrap();
    for round in 1..=2 {
        // Of a primary that is not there, so that the data stays.
        server.ok(&["REPLICAOF", "127.0.0.1", "1"]);
        let writes: Vec<_> = (0..50)
            .map(|_| {
                let mut connection = client.connection();
                tokio::spawn(async move { connection.incr::<_, _, i64>("n", 1).await })
            })
            .collect();
        let mut transaction = redis::pipe();
        transaction.atomic().incr("m", 1).get("k");
        let atomic = tokio::spawn({
            let mut connection = client.connection();
            async move { transaction.query_async::<(i64, String)>(&mut connection).await }
        });
        let began = Instant::now();
        let mut longest = Duration::ZERO;
        while began.elapsed() < Duration::from_millis(800) {
            let read = Instant::now();
            assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
            longest = longest.max(read.elapsed());
            tokio::task::yield_now().await;
        }
        println!("longest read {longest:?}");
        assert!(longest < Duration::from_millis(700), "{longest:?}");
        server.ok(&["REPLICAOF", "NO", "ONE"]);
        for write in writes {
            write.await.unwrap().unwrap();
        }
        assert_eq!(atomic.await.unwrap().unwrap(), (round, "v".into()));
        assert_eq!(client.get("n").await.unwrap().unwrap(), (50 * round).to_string());
    }
    let stats = client.stats();
    // The first dial, a reconnect at once, and what the debounce allows beside.
    assert!((2..=4).contains(&stats.dials), "{stats:?}");
    assert_eq!(
        stats.losses, 0,
        "each connection went on until there was the next"
    );
    assert_eq!(stats.unknown_outcomes, 0);
}

#[tokio::test]
async fn a_refused_write_goes_to_where_the_address_leads_now() {
    let server = scripted(|request| match (request.name().as_str(), request.connection) {
        ("INCRBY", 0) => Answer::error(READONLY),
        ("INCRBY", _) => Answer::integer(1),
        _ => Answer::bulk("v"),
    });
    let client = Client::open(server.url()).unwrap();
    let mut events = client.connection_stream();
    let mut connection = client.connection();
    assert_eq!(connection.incr::<_, _, i64>("n", 1).await.unwrap(), 1);
    live(&mut events, 2).await;
    let Some(ConnectionEvent::Disconnected { epoch: 1, .. }) = events.next().await else {
        panic!("the first connection is closed when nothing is owed on it")
    };
    assert_eq!(server.seen().dials.count(), 2);
}

#[tokio::test]
async fn a_loss_while_the_successor_is_dialled_leads_to_a_reconnect_at_once() {
    let server = ScriptedServer::start(|request| match (request.name().as_str(), request.connection) {
        ("INCRBY", 0) => Answer::error(READONLY),
        ("GET", 0) => Answer::nothing().then_close(),
        // The successor's handshake.
        (_, 1) => Answer::nothing(),
        ("GET", _) => Answer::bulk("v"),
        _ => request.handshake().unwrap_or_else(Answer::ok),
    });
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::from_secs(60), Duration::ZERO)
        .build();
    let mut connection = client.connection();
    let refused = tokio::spawn(async move { connection.incr::<_, _, i64>("n", 1).await });
    server
        .until(|seen| seen.requests.iter().any(|request| request.connection == 1))
        .await;
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(client.stats().dials, 3);
    refused.abort();
}

#[tokio::test]
async fn where_the_refusals_do_not_end_the_caller_is_told_at_the_deadline() {
    for refusal in [READONLY, LOADING] {
        let server = scripted(move |_| Answer::error(refusal));
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(400))
            .build();
        let mut connection = client.connection();
        let error = connection.incr::<_, _, i64>("n", 1).await.unwrap_err();
        let expected = refusal.split(' ').next().unwrap();
        assert_eq!(code(error), expected);
        assert_eq!(code(client.set("k", 1).await.unwrap_err()), expected);
        let mut pipe = redis::pipe();
        pipe.get("a").get("b");
        assert_eq!(
            code(pipe.exec_async(&mut connection).await.unwrap_err()),
            expected
        );
        assert_eq!(client.stats().unknown_outcomes, 0);
        let sent = server.seen().requests.len();
        assert!(sent > 10, "each was tried a few times: {sent}");
    }
}

/// The codes of what writes end with that may take so many milliseconds, each through a client of its own, and the same of
/// writes that block.
async fn ends(url: &str, milliseconds: impl Iterator<Item = u64>) -> Vec<String> {
    let ends = milliseconds.map(async |milliseconds| {
        let client = Client::builder(Source::url(url).unwrap())
            .command_timeout(Duration::from_millis(milliseconds))
            .build();
        client.ready().await.unwrap();
        let (mut connection, mut popping) = (client.connection(), client.connection());
        let (incremented, popped) = tokio::join!(
            connection.incr::<_, _, i64>("n", 1),
            popping.blpop::<_, Value>("list", 0.01)
        );
        [incremented.unwrap_err(), popped.unwrap_err()].map(|error| match error.code() {
            Some(code) => code.to_owned(),
            None => error.to_string(),
        })
    });
    futures_util::future::join_all(ends)
        .await
        .into_iter()
        .flatten()
        .collect()
}

#[tokio::test]
async fn no_attempt_begins_that_may_be_under_way_at_the_deadline() {
    for refusal in [READONLY, LOADING] {
        let server = scripted(move |_| Answer::error(refusal).after(Duration::from_millis(100)));
        // At any moment of an attempt, and of a pause.
        let all = ends(&server.url(), (500..1250).step_by(25)).await;
        let expected = refusal.split(' ').next().unwrap();
        assert!(all.iter().all(|end| end == expected), "{all:#?}");
        assert!(server.seen().requests.len() > 2 * all.len());
    }
}

/// Answers with the first `refusals` refusals, and then as a server should.
fn refusing(refusal: &'static str, refusals: usize) -> swapplex_tests::ScriptedServer {
    let mut left = refusals;
    let mut queued = 0;
    let mut is_aborted = false;
    let mut is_queueing = false;
    let mut count = 0;
    scripted(move |request| match request.name().as_str() {
        "MULTI" => {
            (is_queueing, is_aborted, queued) = (true, false, 0);
            Answer::ok()
        }
        "EXEC" => {
            is_queueing = false;
            if is_aborted {
                return Answer::error("EXECABORT Transaction discarded because of previous errors.");
            }
            Answer::array((0..queued).map(Answer::integer))
        }
        _ if left > 0 => {
            left -= 1;
            is_aborted = true;
            Answer::error(refusal)
        }
        _ if is_queueing => {
            queued += 1;
            Answer::raw("+QUEUED\r\n")
        }
        "INCRBY" => {
            count += 1;
            Answer::integer(count)
        }
        _ => Answer::bulk("v"),
    })
}

#[tokio::test]
async fn a_transaction_that_was_discarded_for_now_is_queued_again() {
    for refusal in [READONLY, LOADING] {
        let server = refusing(refusal, 3);
        let client = eager(&server.url());
        let mut transaction = redis::pipe();
        transaction.atomic().incr("n", 1).incr("n", 1);
        let answer: (i64, i64) = transaction.query_async(&mut client.connection()).await.unwrap();
        assert_eq!(answer, (0, 1));
        let seen = server.seen().requests;
        let multis = seen.iter().filter(|request| request.name() == "MULTI").count();
        assert_eq!(multis, 3);
    }
}

#[tokio::test]
async fn a_transaction_with_another_error_is_not_queued_again() {
    let server = scripted(|request| match request.name().as_str() {
        "MULTI" => Answer::ok(),
        "EXEC" => Answer::error("EXECABORT Transaction discarded because of previous errors."),
        "INCRBY" => Answer::error(READONLY),
        _ => Answer::error("ERR wrong number of arguments"),
    });
    let client = eager(&server.url());
    let mut transaction = redis::pipe();
    transaction.atomic().incr("n", 1).get("k");
    let error = transaction
        .exec_async(&mut client.connection())
        .await
        .unwrap_err();
    assert!(Error::inside(&error).is_none(), "{error}");
    let seen = server.seen().requests;
    assert_eq!(seen.iter().filter(|request| request.name() == "MULTI").count(), 1);
}

#[tokio::test]
async fn a_transaction_that_is_discarded_at_its_end_is_told_why() {
    for reason in ["OOM command not allowed", READONLY] {
        let server = scripted(move |request| match request.name().as_str() {
            "MULTI" => Answer::ok(),
            "EXEC" => Answer::error(&format!("EXECABORT Transaction discarded because of: {reason}")),
            _ => Answer::raw("+QUEUED\r\n"),
        });
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(300))
            .build();
        let mut transaction = redis::pipe();
        transaction.atomic().incr("n", 1).get("k");
        let error = transaction
            .exec_async(&mut client.connection())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(code(error), "EXECABORT");
    }
}

#[tokio::test]
async fn a_pipeline_goes_on_from_where_it_was_refused() {
    let server = refusing(LOADING, 2);
    let client = eager(&server.url());
    let mut pipe = redis::pipe();
    pipe.incr("n", 1).incr("n", 1).incr("n", 1);
    // The third was counted, so sending the first two now would change their order.
    let error = pipe.exec_async(&mut client.connection()).await.unwrap_err();
    assert_eq!(code(error), "LOADING");

    let server = refusing(LOADING, 3);
    let client = eager(&server.url());
    let answer: (i64, i64, i64) = pipe.query_async(&mut client.connection()).await.unwrap();
    assert_eq!(answer, (1, 2, 3));
}

#[tokio::test]
async fn other_errors_are_answers_and_the_connection_stays() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("k", "text").await.unwrap();
    server.ok(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(code(client.set("k", "more").await.unwrap_err()), "OOM");
    let error = client.connection().incr::<_, _, i64>("k", 1).await.unwrap_err();
    assert_eq!(code(error), "OOM");
    client.get("k").await.unwrap();
    assert_eq!(client.stats().dials, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_10_a_server_that_loads_its_data_is_waited_for() {
    let server = Arc::new(RedisServer::start());
    for i in 0..1000 {
        server.ok(&["SET", &format!("k:{i}"), "v"]);
    }
    server.ok(&["SAVE"]);
    // A second and a half in all, and an ear for clients all the while.
    server.set_config("key-load-delay", "1500");
    server.set_config("loading-process-events-interval-bytes", "1024");
    let client = Client::open(server.url()).unwrap();
    client.get("k:1").await.unwrap();
    let restarting = Arc::clone(&server);
    tokio::task::spawn_blocking(move || restarting.restart_without_waiting_for_loading())
        .await
        .unwrap();
    assert_eq!(server.info("persistence")["loading"], "1");
    let began = Instant::now();
    let mut connection = client.connection();
    let mut pipe = redis::pipe();
    pipe.incr("p", 1).get("k:2");
    let mut other = client.connection();
    let (get, set, incr, pipe) = tokio::join!(
        client.get("k:1"),
        client.set("k:3", "new"),
        connection.incr::<_, _, i64>("n", 1),
        pipe.query_async::<(i64, String)>(&mut other),
    );
    println!("waited for {:?}", began.elapsed());
    assert_eq!(get.unwrap().as_deref(), Some(&b"v"[..]));
    set.unwrap();
    assert_eq!(incr.unwrap(), 1);
    assert_eq!(pipe.unwrap(), (1, "v".into()));
    let stats = client.stats();
    assert!(
        stats.dials <= 3,
        "one in the beginning, two after the loss: {stats:?}"
    );
}

#[tokio::test]
async fn a_script_is_executed_once_whatever_it_answers() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut events = client.connection_stream();
    let mut connection = client.connection();
    let script = |text: &str| {
        let mut command = cmd("EVAL");
        command.arg(text).arg(0);
        command
    };
    let words = "redis.call('INCR', 'n') return redis.error_reply('READONLY the shop is closed')";
    let error = script(words)
        .query_async::<Value>(&mut connection)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Some("READONLY"), "{error}");
    assert_eq!(connection.get::<_, i64>("n").await.unwrap(), 1);

    // On a replica, what comes in front of the first write is executed.
    server.ok(&["REPLICAOF", "127.0.0.1", "1"]);
    let words = "redis.call('PUBLISH', 'news', 'x') return redis.call('SET', 'k', 'v')";
    let error = script(words)
        .query_async::<Value>(&mut connection)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("read only replica"), "{error}");
    assert!(
        server.info("commandstats")["cmdstat_publish"].starts_with("calls=1,"),
        "executed once"
    );

    // Nor is a script that hands such a refusal on, though it looks like the server's own.
    let words = "redis.call('PUBLISH', 'news', 'x') return redis.pcall('SET', 'k', 'v')";
    for is_piped in [false, true] {
        let command = script(words);
        let error = if is_piped {
            let mut pipe = redis::pipe();
            pipe.add_command(command);
            pipe.query_async::<Value>(&mut connection).await.unwrap_err()
        } else {
            command.query_async::<Value>(&mut connection).await.unwrap_err()
        };
        assert!(error.to_string().contains("read only replica"), "{error}");
    }
    assert!(
        server.info("commandstats")["cmdstat_publish"].starts_with("calls=3,"),
        "executed once each"
    );
    // But the address may lead to the primary by now.
    live(&mut events, 2).await;
}
