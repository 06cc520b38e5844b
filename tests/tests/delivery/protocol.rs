//! Peers that don't do what a Redis server does.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use redis::AsyncCommands;
use swapplex::config::Source;
use swapplex::shape::Hash;
use swapplex::{
    Client, ConnectError, ConnectionEvent, Error, HandshakeError, Key, LostCause, NoReply, NotExecuted,
};
use swapplex_tests::{Answer, Cut, Direction, Proxy, RedisServer, ScriptedServer, child, memory};
use tokio::runtime::Runtime;

use crate::{eager, scripted};

/// Why there was no connection in time.
#[track_caller]
fn unreachable(error: &Error) -> &ConnectError {
    let Error::NotExecuted(NotExecuted::Unreachable(cause)) = error else {
        panic!("{error}")
    };
    cause
}

#[tokio::test]
async fn row_26_a_server_that_accepts_and_closes_is_dialled_3_times_in_3_seconds_at_most() {
    let server = ScriptedServer::accept_then_close();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(2900))
        .build();
    let errors = join_all((0..64).map(|i| client.get(format!("k{i}")))).await;
    for error in errors {
        unreachable(&error.unwrap_err());
    }
    let dials = server.seen().dials.count();
    assert!((2..=3).contains(&dials), "{dials} dials");
}

#[tokio::test]
async fn row_27_a_handshake_that_is_never_answered_ends_and_lets_go_of_those_who_wait() {
    let server = ScriptedServer::silent();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .connect_timeout(Duration::from_millis(200))
        .command_timeout(Duration::from_millis(500))
        .build();
    let started = Instant::now();
    let errors = join_all((0..64).map(|i| client.get(format!("k{i}")))).await;
    for error in errors {
        let error = error.unwrap_err();
        assert!(matches!(unreachable(&error), ConnectError::Timeout { .. }));
        // Whoever reads that in a log wants to know which server it was.
        let server = format!("127.0.0.1:{}", server.port());
        let text = error.to_string();
        assert!(
            text.contains(&server) && text.contains("did not answer"),
            "{text}"
        );
    }
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    // Nothing is left of the attempt.
    server.until(|seen| seen.open == 0).await;
}

#[tokio::test]
async fn a_server_that_resets_the_handshake_may_expect_tls() {
    let server = RedisServer::start();
    let proxy = Proxy::start(server.port());
    proxy.cut_after(Direction::Replies, 0, Cut::Reset);
    let client = Client::builder(Source::url(proxy.url()).unwrap())
        .command_timeout(Duration::from_millis(300))
        .build();
    let text = client.get("k").await.unwrap_err().to_string();
    assert!(text.contains("does it expect TLS"), "{text}");
}

#[tokio::test]
async fn a_sentinel_is_no_server() {
    let mode = "%1\r\n$4\r\nmode\r\n$8\r\nsentinel\r\n";
    let server = ScriptedServer::start(move |request| match request.name().as_str() {
        "HELLO" => Answer::raw(mode),
        _ => Answer::error(&format!("ERR unknown command '{}'", request.name())),
    });
    let client = Client::open(server.url()).unwrap();
    let error = client.get("k").await.unwrap_err();
    let Error::NotExecuted(NotExecuted::Connect(cause)) = &error else {
        panic!("{error}")
    };
    assert!(
        matches!(
            **cause,
            ConnectError::Handshake {
                error: HandshakeError::Sentinel,
                ..
            }
        ),
        "{error}"
    );
}

/// Bytes that look like nothing in particular, the same for the same seed.
fn noise(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..200)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        // An end of line now and then, so that some of it can be taken for a header.
        .flat_map(|byte| if byte < 8 { vec![b'\r', b'\n'] } else { vec![byte] })
        .collect()
}

#[tokio::test]
async fn row_28_a_peer_that_speaks_something_else_gives_a_typed_error() {
    let greetings = [
        b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01".to_vec(),
        b"220 smtp ready\r\n".to_vec(),
    ];
    for greeting in greetings {
        let server = ScriptedServer::greeting(Answer::raw(greeting));
        let client = Client::builder(Source::url(server.url()).unwrap())
            .command_timeout(Duration::from_millis(300))
            .build();
        let error = client.get("k").await.unwrap_err();
        assert!(
            matches!(
                unreachable(&error),
                ConnectError::Handshake {
                    error: HandshakeError::Protocol(_),
                    ..
                }
            ),
            "{error}"
        );
    }
    // Some of this may be the beginning of a reply that never ends.
    let attempts = (0..50).map(|seed| async move {
        let server = ScriptedServer::greeting(Answer::raw(noise(seed)));
        let client = Client::builder(Source::url(server.url()).unwrap())
            .connect_timeout(Duration::from_millis(200))
            .command_timeout(Duration::from_millis(400))
            .build();
        let error = client.get("k").await.unwrap_err();
        assert!(
            matches!(
                unreachable(&error),
                ConnectError::Handshake { .. } | ConnectError::Timeout { .. }
            ) && error
                .to_string()
                .contains(&format!("127.0.0.1:{}", server.port())),
            "seed {seed}: {error}"
        );
    });
    join_all(attempts).await;
}

#[tokio::test]
async fn row_28_noise_in_place_of_a_reply_reaches_nobody_else() {
    for seed in 0..100 {
        let server = scripted(move |request| match request.argument(1).as_str() {
            "noise" => Answer::raw([b"\xff".to_vec(), noise(seed)].concat()),
            key => Answer::bulk(key),
        });
        let client = eager(&server.url());
        client.get("warm").await.unwrap();
        let (mut before, mut noise) = (client.connection(), client.connection());
        let after = client.connection();
        let (before, noise, after) = tokio::join!(
            before.get::<_, String>("before"),
            noise.incr::<_, _, i64>("noise", 1),
            join_all((0..8).map(|i| {
                let mut conn = after.clone();
                async move { (i, conn.get::<_, String>(format!("after:{i}")).await) }
            }))
        );
        assert_eq!(before.unwrap(), "before");
        let Error::OutcomeUnknown {
            cause: NoReply::Lost(cause),
            ..
        } = &Error::from(noise.unwrap_err())
        else {
            panic!("it has no reply")
        };
        assert!(matches!(**cause, LostCause::Protocol(_)), "{cause}");
        for (i, value) in after {
            assert_eq!(value.unwrap(), format!("after:{i}"));
        }
        assert_eq!(client.stats().losses, 1);
    }
}

/// In a process of its own, whose memory is nobody else's.
#[test]
fn row_29_hostile_lengths_end_the_connection_and_take_no_memory() {
    child::run(|_| (), || Runtime::new().unwrap().block_on(hostile_lengths()));
}

async fn hostile_lengths() {
    const CAP: usize = 1 << 20;
    let hostile = [
        "*2147483647\r\n".to_owned(),
        "$9223372036854775807\r\n".to_owned(),
        "*1\r\n".repeat(100_000),
        // One that comes, up to the cap and beyond.
        format!("${}\r\n{}", 8 * CAP, "x".repeat(8 * CAP)),
        "*100000000\r\n".to_owned() + &":1\r\n".repeat(CAP),
    ];
    for hostile in hostile {
        let name = hostile[..hostile.len().min(24)].escape_debug().to_string();
        let server = scripted(move |request| match request.argument(1).as_str() {
            "hostile" => Answer::raw(hostile.clone()),
            _ => Answer::bulk("v"),
        });
        let client = Client::builder(Source::url(server.url()).unwrap())
            .reconnect_debounce(Duration::ZERO, Duration::ZERO)
            .reply_limit(CAP)
            .build();
        client.get("warm").await.unwrap();
        let before = memory::resident();
        let error = Error::from(
            client
                .connection()
                .incr::<_, _, i64>("hostile", 1)
                .await
                .unwrap_err(),
        );
        let Error::OutcomeUnknown {
            cause: NoReply::Lost(cause),
            ..
        } = &error
        else {
            panic!("{name}: {error}")
        };
        assert!(
            matches!(**cause, LostCause::Protocol(_) | LostCause::SurplusReply),
            "{name}: {cause}"
        );
        assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
        if let (Some(before), Some(after)) = (before, memory::resident()) {
            println!(
                "{name}: {} KiB more in memory",
                after.saturating_sub(before) >> 10
            );
            // The server under the script is in here, too, with its copy of the answer.
            assert!(after < before + (CAP as u64) + (16 << 20), "{before} to {after}");
        }
    }
}

#[tokio::test]
async fn row_30_a_short_reply_fails_its_owners_and_nobody_else() {
    let server = scripted(|request| match request.name().as_str() {
        "MGET" if request.arguments.len() == 5 => {
            Answer::array([Answer::bulk("1"), Answer::bulk("2"), Answer::bulk("3")])
        }
        "MGET" => Answer::array([Answer::error("ERR inside"), Answer::bulk("2")]),
        _ => Answer::bulk("alone"),
    });
    let client = Client::open(server.url()).unwrap();
    let alone = || async { assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"alone"[..])) };
    alone().await;
    let results = join_all(["first", "a", "b", "c", "d"].map(|key| client.get(key))).await;
    assert!(results[0].is_ok());
    assert!(
        results[1..]
            .iter()
            .all(|result| matches!(result, Err(Error::Redis(_)))),
        "{results:?}"
    );
    alone().await;
    let results = join_all(["first", "a", "b"].map(|key| client.get(key))).await;
    assert!(
        matches!(&results[1], Err(Error::Redis(error)) if error.to_string().contains("inside")),
        "{results:?}"
    );
    assert_eq!(results[2].as_ref().unwrap().as_deref(), Some(&b"2"[..]));
    alone().await;
    assert_eq!(client.stats().losses, 0);
}

#[tokio::test]
async fn row_31_a_surplus_reply_ends_the_connection_and_a_push_does_not() {
    let server = scripted(|_| Answer::bulk("v"));
    let client = eager(&server.url());
    client.get("k").await.unwrap();
    server.push(">2\r\n+news\r\n:1\r\n");
    client.get("k").await.unwrap();
    assert_eq!(client.stats().losses, 0);
    let mut events = client.connection_stream();
    server.push("+surplus\r\n");
    let cause = loop {
        if let Some(ConnectionEvent::Disconnected { cause, .. }) = events.next().await {
            break cause;
        }
    };
    assert!(matches!(*cause, LostCause::SurplusReply), "{cause}");
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    assert_eq!(client.stats().losses, 1);
}

/// A server that says more than it is asked for on its first connection, `behind` the handshake, in one breath with its last
/// answer, and in front of the first answer after it. Each key has itself for its value.
fn talkative(behind: &'static str, before: &'static str) -> ScriptedServer {
    let mut before = Some(before);
    ScriptedServer::start(move |request| match request.handshake() {
        // An empty answer to the last question, so that all is read together.
        Some(_) if request.connection == 0 && request.argument(1) == "INFO" => {
            Answer::raw(format!("$0\r\n\r\n{behind}"))
        }
        Some(answer) => answer,
        None => {
            let key = request.argument(1);
            let before = before.take().unwrap_or_default();
            Answer::raw(format!("{before}${}\r\n{key}\r\n", key.len()))
        }
    })
}

#[tokio::test]
async fn row_31_a_surplus_reply_behind_the_handshake_is_nobodys_answer() {
    for surplus in [
        "$6\r\nsecret\r\n",
        "$6\r\nsec",
        ">2\r\n+news\r\n:1\r\n$6\r\nsecret\r\n",
    ] {
        let server = talkative(surplus, "");
        let client = eager(&server.url());
        let mut events = client.connection_stream();
        for key in ["a", "b"] {
            assert_eq!(client.get(key).await.unwrap().as_deref(), Some(key.as_bytes()));
        }
        let Some(ConnectionEvent::Failed { cause, .. }) = events.next().await else {
            panic!("the first connection is of no use")
        };
        assert!(
            matches!(
                *cause,
                ConnectError::Handshake {
                    error: HandshakeError::SurplusReply,
                    ..
                }
            ),
            "{cause}"
        );
    }
}

#[tokio::test]
async fn row_31_a_push_behind_the_handshake_does_no_harm() {
    for (behind, before) in [(">2\r\n+news\r\n:1\r\n", ""), (">2\r\n+ne", "ws\r\n:1\r\n")] {
        let server = talkative(behind, before);
        let client = Client::open(server.url()).unwrap();
        for key in ["a", "b"] {
            assert_eq!(client.get(key).await.unwrap().as_deref(), Some(key.as_bytes()));
        }
        assert_eq!(server.seen().dials.count(), 1);
    }
}

/// A server that says something about each reply in front of it, as RESP3 allows.
fn annotating(mut answer: impl FnMut(&str, &str) -> String + Send + 'static) -> ScriptedServer {
    scripted(move |request| {
        let answer = answer(&request.name(), &request.argument(1));
        Answer::raw(format!("|1\r\n+ttl\r\n:3\r\n{answer}"))
    })
}

#[tokio::test]
async fn an_attribute_in_front_of_a_reply_changes_nothing_about_it() {
    let mut refusals = 2;
    let server = annotating(move |name, key| match (name, key) {
        ("SET", "denied") => "-NOPERM no\r\n".into(),
        ("INCRBY", "late") if refusals > 0 => {
            refusals -= 1;
            "-LOADING Redis is loading the dataset in memory\r\n".into()
        }
        ("INCRBY", _) => ":7\r\n".into(),
        ("GET", _) => "$1\r\nv\r\n".into(),
        ("MGET", _) => "*2\r\n$1\r\nv\r\n$-1\r\n".into(),
        ("HSET", _) => "-WRONGTYPE no\r\n".into(),
        _ => "+OK\r\n".into(),
    });
    let client = eager(&server.url());
    client.set("k", "v").await.unwrap();
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    // The first goes alone.
    let values = client.get_many(["a", "b", "c"]).await.unwrap();
    assert_eq!(values[1].as_deref(), Some(&b"v"[..]));
    assert_eq!(values[2], None);
    let Error::Redis(error) = client.set("denied", "v").await.unwrap_err() else {
        panic!("the server denies it")
    };
    assert_eq!(error.code(), Some("NOPERM"));
    let mut connection = client.connection();
    assert_eq!(connection.incr::<_, _, i64>("late", 1).await.unwrap(), 7);
    let cart: Key<Hash<String, u8>> = Key::new("cart");
    let Error::Redis(error) = cart.on(&client).set("tea", &1).await.unwrap_err() else {
        panic!("it is something else")
    };
    assert_eq!(error.code(), Some("WRONGTYPE"));
}

#[tokio::test]
async fn an_attribute_in_front_of_a_transactions_replies_changes_nothing_about_them() {
    let mut is_loading = true;
    let server = annotating(move |name, _| match name {
        "MULTI" => "+OK\r\n".into(),
        "EXEC" if std::mem::take(&mut is_loading) => {
            "-EXECABORT Transaction discarded because of: LOADING Redis is loading the dataset in memory\r\n"
                .into()
        }
        "EXEC" => "*1\r\n:1\r\n".into(),
        _ => "+QUEUED\r\n".into(),
    });
    let client = eager(&server.url());
    let mut transaction = redis::pipe();
    transaction.atomic().incr("n", 1);
    let answer: (i64,) = transaction.query_async(&mut client.connection()).await.unwrap();
    assert_eq!(answer, (1,));
}
