//! Commands that ask the server to wait, and what may not travel on a shared connection.

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::{AsyncCommands, RedisError, Value, aio::ConnectionLike, cmd, pipe};
use swapplex::config::Source;
use swapplex::{Client, Error, NoReply, NotExecuted};
use swapplex_tests::{RedisServer, Reply, ReservedPort};

fn blocked(server: &RedisServer) -> usize {
    server.info("clients")["blocked_clients"]
        .parse()
        .expect("a number")
}

/// Waits until so many clients are blocked.
async fn until_blocked(server: &RedisServer, number: usize) {
    while blocked(server) != number {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn inside(error: &RedisError) -> &Error {
    Error::inside(error).expect("one of our errors")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_command_keeps_no_other_waiting() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let poppers: Vec<_> = (0..4)
        .map(|i| {
            let mut connection = client.connection();
            tokio::spawn(async move { connection.blpop(format!("list:{i}"), 0.0).await })
        })
        .collect();
    until_blocked(&server, 4).await;
    let mut connection = client.connection();
    for i in 0..100 {
        let _: () = connection.set(i, i).await.unwrap();
        assert!(client.get(i.to_string()).await.unwrap().is_some());
    }
    assert_eq!(blocked(&server), 4, "they were all the while");
    for (i, popper) in poppers.into_iter().enumerate() {
        let _: () = connection.rpush(format!("list:{i}"), i).await.unwrap();
        let popped: Option<(String, usize)> = popper.await.unwrap().unwrap();
        assert_eq!(popped, Some((format!("list:{i}"), i)));
    }
    let stats = client.stats();
    assert_eq!((stats.dedicated, stats.dials, stats.losses), (4, 1, 0));
}

#[tokio::test]
async fn a_blocking_command_ends_when_the_server_says_so() {
    let server = RedisServer::start();
    let settings = Client::builder(Source::url(server.url()).unwrap());
    // The server may take longer than a command otherwise may.
    let client = settings.command_timeout(Duration::from_millis(500)).build();
    let mut connection = client.connection();
    let popped: Option<(String, String)> = connection.blpop("list", 1.0).await.unwrap();
    assert_eq!(popped, None);
    // One second, as the server reads it.
    let mut hexadecimal = cmd("BLPOP");
    let popped: Option<(String, String)> = hexadecimal
        .arg("list")
        .arg("0x.8p1")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(popped, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_blocking_command_of_the_server_is_moved() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let commands = [
        "BLPOP k 0",
        "BRPOP k 0",
        "BRPOPLPUSH k l 0",
        "BLMOVE k l LEFT RIGHT 0",
        "BLMPOP 0 1 k LEFT",
        "BZPOPMIN z 0",
        "BZPOPMAX z 0",
        "BZMPOP 0 1 z MIN",
        "XREAD COUNT 1 BLOCK 0 STREAMS s $",
        "XREADGROUP GROUP g c BLOCK 0 NOACK STREAMS s >",
    ];
    server.ok(&["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"]);
    let mut known = HashSet::from(["wait".to_owned(), "waitaof".to_owned()]);
    for line in commands {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        known.insert(name.to_ascii_lowercase());
        if matches!(server.ok(&["COMMAND", "INFO", name]), Reply::Array(info) if info == [Reply::Nil]) {
            println!("{name} is not known to this server");
            continue;
        }
        let command = words.fold(cmd(name), |mut command, word| command.arg(word).clone());
        let mut connection = client.connection();
        let waiting = tokio::spawn(async move { connection.req_packed_command(&command).await });
        until_blocked(&server, 1).await;
        assert_eq!(client.get("string").await.unwrap(), None, "{line}");
        waiting.abort();
        until_blocked(&server, 0).await;
    }
    let listed = server.ok(&["COMMAND", "LIST", "FILTERBY", "ACLCAT", "blocking"]);
    let Reply::Array(listed) = listed else {
        panic!("{listed:?}")
    };
    for command in listed {
        assert!(known.contains(&command.text()), "{command:?} is blocking");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_100_blocking_commands_64_are_blocked_and_the_others_wait_for_their_turn() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let poppers: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = client.connection();
            tokio::spawn(async move { connection.blpop::<_, (String, usize)>("list", 0.0).await })
        })
        .collect();
    until_blocked(&server, 64).await;
    // Nobody else comes, however long one looks.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(blocked(&server), 64);
    assert!(server.clients().len() <= 65);
    assert_eq!(client.get("k").await.unwrap(), None);
    let mut connection = client.connection();
    for i in 0..100 {
        let _: () = connection.rpush("list", i).await.unwrap();
        assert!(blocked(&server) <= 64);
    }
    let mut popped: Vec<_> = join_all(poppers)
        .await
        .into_iter()
        .map(|popped| popped.unwrap().unwrap().1)
        .collect();
    popped.sort_unstable();
    assert_eq!(popped, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_turn_in_vain_has_not_been_executed() {
    let server = RedisServer::start();
    let settings = Client::builder(Source::url(server.url()).unwrap());
    let client = settings.command_timeout(Duration::from_millis(500)).build();
    let poppers: Vec<_> = (0..64)
        .map(|_| {
            let mut connection = client.connection();
            tokio::spawn(async move { connection.blpop::<_, Value>("list", 0.0).await })
        })
        .collect();
    until_blocked(&server, 64).await;
    let error = client
        .connection()
        .blpop::<_, Value>("list", 0.01)
        .await
        .unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Timeout)),
        "{error}"
    );
    poppers.iter().for_each(tokio::task::JoinHandle::abort);
    until_blocked(&server, 0).await;
}

/// Has a `BLPOP` wait for a list, and drops it.
async fn pop_in_vain(connection: &mut impl AsyncCommands, server: &RedisServer) {
    tokio::select! {
        biased;
        () = until_blocked(server, 1) => {}
        popped = connection.blpop::<_, Value>("list", 0.0) => panic!("{popped:?}"),
    }
}

/// Waits until the server knows that nobody pops any more, while no runtime may do anything.
fn wait_until_nobody_pops(server: &RedisServer) {
    let limit = Instant::now() + Duration::from_secs(30);
    while blocked(server) > 0 {
        assert!(Instant::now() < limit, "the server was not told");
        thread::sleep(Duration::from_millis(1));
    }
    server.ok(&["RPUSH", "list", "value"]);
    assert_eq!(server.command(&["LPOP", "list"]).text(), "value");
}

#[tokio::test]
async fn the_server_is_told_of_a_dropped_pop_in_its_drop() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    pop_in_vain(&mut client.connection(), &server).await;
    wait_until_nobody_pops(&server);

    let mut own = client.dedicated().await.unwrap();
    pop_in_vain(&mut own, &server).await;
    drop(own);
    wait_until_nobody_pops(&server);

    // What was answered long since changes nothing.
    let mut own = client.dedicated().await.unwrap();
    let mut silent = cmd("INCR");
    silent.arg("n").set_no_response(true);
    own.req_packed_command(&silent).await.unwrap();
    let _: () = own.ping().await.unwrap();
    pop_in_vain(&mut own, &server).await;
    drop(own);
    wait_until_nobody_pops(&server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_future_closes_its_connection() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    let popper = tokio::spawn(async move { connection.blpop::<_, Value>("list", 0.0).await });
    until_blocked(&server, 1).await;
    assert_eq!(server.clients().len(), 2);
    popper.abort();
    until_blocked(&server, 0).await;
    assert_eq!(server.clients().len(), 1);
    let length: usize = client.connection().rpush("list", 1).await.unwrap();
    assert_eq!(length, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_while_it_blocks_a_write_is_unknown_and_a_read_goes_on() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let (mut popping, mut reading) = (client.connection(), client.connection());
    let popper = tokio::spawn(async move { popping.blpop::<_, Value>("list", 0.0).await });
    let reader = tokio::spawn(async move {
        let options = redis::streams::StreamReadOptions::default().block(0);
        let reply: redis::streams::StreamReadReply =
            reading.xread_options(&["stream"], &["$"], &options).await?;
        Ok::<_, RedisError>(reply.keys.len())
    });
    for _ in 0..3 {
        until_blocked(&server, if popper.is_finished() { 1 } else { 2 }).await;
        server.kill_clients();
        while !popper.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    let error = popper.await.unwrap().unwrap_err();
    assert!(
        matches!(inside(&error), Error::OutcomeUnknown { command, cause: NoReply::Lost(_), .. } if &**command == "BLPOP"),
        "{error}"
    );
    until_blocked(&server, 1).await;
    server.ok(&["XADD", "stream", "*", "field", "value"]);
    assert_eq!(reader.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_read_whose_reply_breaks_its_connection_is_not_sent_for_ever() {
    let server = RedisServer::builder()
        .config("client-output-buffer-limit", "normal 64kb 0 0")
        .start();
    let value = "x".repeat(64 * 1024);
    for _ in 0..32 {
        server.ok(&["XADD", "stream", "*", "field", &value]);
    }
    let of_the_server = Client::open(server.url()).unwrap();
    let of_our_own = Client::builder(Source::url(server.url()).unwrap())
        .reply_limit(64 * 1024)
        .build();
    for client in [of_the_server, of_our_own] {
        client.get("warm").await.unwrap();
        let options = redis::streams::StreamReadOptions::default().block(0);
        let error = client
            .connection()
            .xread_options::<_, _, Value>(&["stream"], &["0"], &options)
            .await
            .unwrap_err();
        assert!(
            matches!(
                inside(&error),
                Error::OutcomeUnknown {
                    cause: NoReply::Breaks(_),
                    ..
                }
            ),
            "{error}"
        );
        assert_eq!(client.stats().dedicated, 2);
        assert_eq!(client.stats().losses, 0, "nobody else is disturbed");
    }
}

#[tokio::test]
async fn a_read_that_is_cut_off_again_and_again_after_long_waits_goes_on() {
    let server = RedisServer::start();
    let patience = Duration::from_millis(50);
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(patience)
        .build();
    let mut connection = client.connection();
    let reader = tokio::spawn(async move {
        let options = redis::streams::StreamReadOptions::default().block(0);
        connection
            .xread_options::<_, _, Value>(&["stream"], &["$"], &options)
            .await
    });
    for _ in 0..4 {
        until_blocked(&server, 1).await;
        tokio::time::sleep(2 * patience).await;
        // As something on the way does that knows of no reason for a connection to be silent.
        let clients = server.clients();
        let blocked = clients.iter().find(|client| client["cmd"] == "xread").unwrap();
        server.command(&["CLIENT", "KILL", "ID", &blocked["id"]]);
    }
    until_blocked(&server, 1).await;
    server.ok(&["XADD", "stream", "*", "field", "value"]);
    reader.await.unwrap().unwrap();
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn without_a_server_a_blocking_command_is_not_executed() {
    let port = ReservedPort::new().unwrap();
    let source = Source::url(format!("redis://127.0.0.1:{}", port.number())).unwrap();
    let client = Client::builder(source)
        .command_timeout(Duration::from_millis(200))
        .build();
    let error = client
        .connection()
        .blpop::<_, Value>("list", 0.0)
        .await
        .unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Unreachable(_))),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_that_falls_silent_is_waited_for_no_longer_than_it_said() {
    let server = RedisServer::start();
    let settings = Client::builder(Source::url(server.url()).unwrap());
    let client = settings.command_timeout(Duration::from_millis(400)).build();
    let (mut popping, mut reading) = (client.connection(), client.connection());
    let _: () = popping.ping().await.unwrap();
    let popper = tokio::spawn(async move { popping.blpop::<_, Value>("list", 30.0).await });
    let reader = tokio::spawn(async move {
        let options = redis::streams::StreamReadOptions::default().block(300);
        reading
            .xread_options::<_, _, Value>(&["stream"], &["$"], &options)
            .await
    });
    until_blocked(&server, 2).await;
    server.pause();
    let error = reader.await.unwrap().unwrap_err();
    assert!(matches!(inside(&error), Error::Timeout { .. }), "{error}");
    assert!(!popper.is_finished());
    server.resume();
    server.ok(&["RPUSH", "list", "x"]);
    assert!(popper.await.unwrap().is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_with_a_blocking_command_moves_as_a_whole() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    let pipeline = tokio::spawn(async move {
        let mut pipeline = pipe();
        pipeline.set("a", 1).ignore().blpop("list", 0.0).incr("a", 1);
        pipeline.query_async::<((String, u8), u8)>(&mut connection).await
    });
    until_blocked(&server, 1).await;
    assert_eq!(client.get("a").await.unwrap().as_deref(), Some(&b"1"[..]));
    let _: () = client.connection().rpush("list", 7).await.unwrap();
    assert_eq!(pipeline.await.unwrap().unwrap(), (("list".into(), 7), 2));
}

#[tokio::test]
async fn in_an_atomic_pipeline_nothing_blocks_and_nothing_moves() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut pipeline = pipe();
    pipeline.atomic().blpop("list", 0.0).incr("a", 1);
    let replies: (Option<(String, u8)>, u8) = pipeline.query_async(&mut client.connection()).await.unwrap();
    assert_eq!(replies, (None, 1));
    assert_eq!(client.stats().dedicated, 0);
}

#[tokio::test]
async fn what_would_spoil_a_shared_connection_is_refused_with_advice() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    for (line, advice) in [
        ("WATCH k", "`dedicated()`"),
        ("wait 1 0", "`dedicated()`"),
        ("SELECT 1", "`dedicated()`"),
        ("MULTI", "atomic()"),
        ("SUBSCRIBE news", "`pubsub()`"),
        ("client reply off", "set_no_response"),
        ("CLIENT TRACKING ON", "`dedicated()`"),
        ("CLIENT NO-EVICT ON", "`dedicated()`"),
    ] {
        let mut words = line.split(' ');
        let name = words.next().unwrap();
        let command = words.fold(cmd(name), |mut command, word| command.arg(word).clone());
        let error = connection.req_packed_command(&command).await.unwrap_err();
        assert!(error.to_string().contains(advice), "{error}");
        assert!(Error::from(error).is_not_executed());
        for mut pipeline in [pipe(), pipe().atomic().clone()] {
            pipeline.set("k", "v").add_command(command.clone());
            let error = pipeline.exec_async(&mut connection).await.unwrap_err();
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
    assert_eq!(
        client.get("k").await.unwrap(),
        None,
        "no part of a refused pipeline is sent"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_is_cut_late_waits_as_long_as_it_asks_for() {
    let server = RedisServer::start();
    let settings = Client::builder(Source::url(server.url()).unwrap());
    let client = settings.command_timeout(Duration::from_secs(1)).build();
    let mut reading = client.connection();
    let reader = tokio::spawn(async move {
        let mut command = cmd("XREAD");
        command.arg(&["BLOCK", "2000", "STREAMS", "stream", "0"]);
        command.query_async::<Value>(&mut reading).await
    });
    until_blocked(&server, 1).await;
    // What is left of its first deadline is less than it asks the server to wait.
    tokio::time::sleep(Duration::from_millis(1200)).await;
    server.kill_clients();
    assert_eq!(reader.await.unwrap().unwrap(), Value::Nil);
    assert_eq!(client.stats().replays, 1);
}

#[tokio::test]
async fn what_wants_no_answer_gets_none_where_it_blocks_either() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    let _: usize = connection.rpush("list", 1).await.unwrap();
    let mut pop = cmd("BLPOP");
    pop.arg("list").arg(1).set_no_response(true);
    assert_eq!(
        pop.query_async::<Value>(&mut connection).await.unwrap(),
        Value::Nil
    );
    assert_eq!(connection.llen::<_, usize>("list").await.unwrap(), 0);
}
