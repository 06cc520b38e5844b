//! What is sent again at which level.

use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::{Client, ConnectError, Error, ManagedConnection, Replay};
use swapplex_tests::{Cut, Direction, Proxy, RedisServer};

use super::{eager, live};

const LEVELS: [Replay; 5] = [
    Replay::Never,
    Replay::Reads,
    Replay::Idempotent,
    Replay::Effects,
    Replay::Always,
];

/// Runs a command whose first reply is lost; whether it was answered all the same.
async fn survives(proxy: &Proxy, connection: &mut ManagedConnection<Client>, command: &str) -> bool {
    let () = redis::cmd("PING").query_async(connection).await.unwrap();
    let mut words = command.split(' ');
    let mut request = redis::cmd(words.next().unwrap());
    for word in words {
        request.arg(word);
    }
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    match request
        .query_async::<redis::Value>(connection)
        .await
        .map_err(Error::from)
    {
        Ok(_) => true,
        Err(Error::OutcomeUnknown { command: name, .. }) => {
            assert!(command.starts_with(&*name));
            false
        }
        Err(error) => panic!("{command}: {error}"),
    }
}

#[tokio::test]
async fn each_level_sends_one_class_of_commands_more_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    for (allowed, level) in LEVELS.into_iter().enumerate() {
        let mut connection = client.connection().replay(level);
        for (rank, commands) in [
            &["GET k", "EXISTS k"][..],
            &["SET k v", "SET k v PX 60000", "MSET a 1 b 2", "GETEX a PERSIST"],
            &[
                "DEL k",
                "HSET h f v",
                "SADD s a",
                "EXPIRE a 60",
                "GETEX a EX 60",
                "ZADD z 1 a",
            ],
            &[
                "INCR n",
                "SET k v NX",
                "GETDEL b",
                "LPUSH l a",
                "EVAL return(1) 0",
            ],
        ]
        .into_iter()
        .enumerate()
        {
            for command in commands {
                let answered = survives(&proxy, &mut connection, command).await;
                assert_eq!(answered, rank < allowed, "{command} at {level:?}");
            }
        }
    }
    // Once at each level, and twice at `Always`.
    assert_eq!(server.calls("incr"), 6);
    // Twice each from `Idempotent` on.
    assert_eq!(server.calls("mset"), 8);
}

#[tokio::test]
async fn the_level_of_a_client_goes_for_everything_made_from_it() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    for (level, is_answered) in [(Replay::Reads, false), (Replay::Idempotent, true)] {
        let client = Client::builder(Source::url(proxy.url()).unwrap())
            .reconnect_debounce(std::time::Duration::ZERO, std::time::Duration::ZERO)
            .replay(level)
            .build();
        client.get("k").await.unwrap();
        proxy.cut_after(Direction::Replies, 0, Cut::Reset);
        let result = client.set("k", "v").await;
        assert_eq!(result.is_ok(), is_answered, "{result:?}");
        // A handle may say otherwise.
        let () = client.connection().ping().await.unwrap();
        proxy.cut_after(Direction::Replies, 0, Cut::Reset);
        let mut reads = client.connection().replay(Replay::Reads);
        assert!(reads.set::<_, _, ()>("k", "v").await.is_err());
    }
}

#[tokio::test]
async fn batched_sets_whose_reply_is_lost_are_set_all_the_same() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    client.get("warm").await.unwrap();
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    let sets = (0..100).map(|i| client.set(format!("k{i}"), i));
    for result in futures_util::future::join_all(sets).await {
        result.unwrap();
    }
    let values = client.get_many((0..100).map(|i| format!("k{i}"))).await.unwrap();
    for (i, value) in values.into_iter().enumerate() {
        assert_eq!(value.as_deref(), Some(i.to_string().as_bytes()));
    }
    assert_eq!(client.stats().unknown_outcomes, 0);
    assert!(client.stats().replays >= 1);
}

#[tokio::test]
async fn a_pipeline_is_sent_again_if_every_unanswered_command_may_be() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut events = client.connection_stream();
    let mut connection = client.connection();
    let () = connection.ping().await.unwrap();
    live(&mut events, 1).await;

    // `:1` of the INCR passes; what is behind it may run twice.
    let mut pipe = redis::pipe();
    pipe.incr("n", 1).set("k", 7).get("k");
    proxy.cut_after(Direction::Replies, 4, Cut::Reset);
    let answers: (i64, String, i64) = pipe.query_async(&mut connection).await.unwrap();
    assert_eq!(answers, (1, "OK".into(), 7));
    assert_eq!((server.calls("incrby"), server.calls("set")), (1, 2));

    live(&mut events, 2).await;
    let mut pipe = redis::pipe();
    pipe.set("k", 7).incr("n", 1).set("k", 8);
    proxy.cut_after(Direction::Replies, 5, Cut::Reset);
    let error = Error::from(pipe.exec_async(&mut connection).await.unwrap_err());
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
}

#[tokio::test]
async fn an_atomic_pipeline_is_as_bad_as_the_worst_of_its_commands() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut connection = client.connection();
    let () = connection.ping().await.unwrap();

    let mut sets = redis::pipe();
    sets.atomic().set("a", 1).get("a");
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    let answers: (String, i64) = sets.query_async(&mut connection).await.unwrap();
    assert_eq!(answers, ("OK".into(), 1));

    let mut counts = redis::pipe();
    counts.atomic().set("a", 1).incr("n", 1);
    // Not even where what is queued was answered: `EXEC` was sent.
    for passed in [0, 5, 14] {
        let () = connection.ping().await.unwrap();
        proxy.cut_after(Direction::Replies, passed, Cut::Reset);
        let error = Error::from(counts.exec_async(&mut connection).await.unwrap_err());
        assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
    }
    // Without `EXEC` nothing of it runs, so that it is sent again whatever it is. More than the buffers hold.
    let large = vec![b'x'; 64 << 20];
    let () = connection.ping().await.unwrap();
    let before: i64 = connection.get("n").await.unwrap();
    counts.append("large", large.as_slice());
    proxy.cut_after(Direction::Requests, 1 << 20, Cut::Reset);
    let (_, count, length): (String, i64, usize) = counts.query_async(&mut connection).await.unwrap();
    assert_eq!((count, length), (before + 1, large.len()));
}

/// A client whose next request is sent and loses the connection, for longer than it may take.
async fn about_to_be_cut_off() -> (RedisServer, Proxy, Client) {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = Client::builder(Source::url(proxy.url()).unwrap())
        .command_timeout(std::time::Duration::from_millis(300))
        .build();
    client.get("warm").await.unwrap();
    proxy.refuse().await;
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    (server, proxy, client)
}

#[tokio::test]
async fn a_write_that_cannot_be_sent_again_in_time_has_an_unknown_outcome() {
    let (_server, _proxy, client) = about_to_be_cut_off().await;
    let error = client.set("k", 1).await.unwrap_err();
    let Error::OutcomeUnknown { command, epoch, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((&**command, *epoch), ("SET", Some(1)));
}

#[tokio::test]
async fn a_read_that_was_sent_and_cannot_be_sent_again_in_time_is_not_called_unexecuted() {
    let (_server, _proxy, client) = about_to_be_cut_off().await;
    let error = client.get("k").await.unwrap_err();
    let Error::Timeout {
        command,
        unreachable: Some(cause),
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!(&**command, "GET");
    assert!(matches!(&**cause, ConnectError::Io(_)), "{error}");
    assert!(error.to_string().ends_with(&cause.to_string()), "{error}");
}

#[tokio::test]
async fn a_pipeline_that_reads_what_it_writes_is_not_sent_again() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    let client = eager(&proxy.url());
    let mut connection = client.connection();
    for is_atomic in [false, true] {
        // The read of what is written behind it would be answered with that, the second time.
        for (write, is_the_same) in [("other", true), ("pending", false)] {
            let () = connection.set("pending", 41).await.unwrap();
            let mut pipe = redis::pipe();
            if is_atomic {
                pipe.atomic();
            }
            pipe.get("pending").set(write, 0).ignore();
            proxy.cut_after(Direction::Replies, 0, Cut::Reset);
            let answer = pipe.query_async::<(i64,)>(&mut connection).await;
            match answer.map_err(Error::from) {
                Ok(pending) => assert!(is_the_same && pending == (41,), "{pending:?}"),
                Err(Error::OutcomeUnknown { .. }) => assert!(!is_the_same),
                Err(error) => panic!("{error}"),
            }
        }
    }
    // What was answered is not asked again, and so changes nothing of what the rest would do.
    let mut pipe = redis::pipe();
    pipe.get("pending").set("pending", 7).ignore().get("pending");
    let () = connection.set("pending", 41).await.unwrap();
    proxy.cut_after(Direction::Replies, 8, Cut::Reset);
    let answers: (i64, i64) = pipe.query_async(&mut connection).await.unwrap();
    assert_eq!(answers, (41, 7));
}
