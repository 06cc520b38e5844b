//! Passwords that expire, from a provider that is asked at each connect.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use redis::AsyncCommands;
use swapplex::config::{BoxError, Secret, Source};
use swapplex::{Client, ConnectError, ConnectionEvent, Error, NotExecuted};
use swapplex_tests::RedisServer;

#[tokio::test]
async fn a_rotated_token_takes_effect_at_the_next_connect() {
    let server = RedisServer::builder()
        .user("app on >first ~* +@all")
        .user("default off")
        .start();
    let token = Arc::new(Mutex::new("first"));
    let asked = Arc::new(AtomicUsize::new(0));
    let provider = {
        let (token, asked) = (Arc::clone(&token), Arc::clone(&asked));
        move || {
            asked.fetch_add(1, Ordering::Relaxed);
            let token = Secret::new(*token.lock().unwrap());
            async move { Ok((Some("app".to_owned()), token)) }
        }
    };
    // What the URL says is of no account.
    let source = Source::url(server.url_as("nobody", "wrong")).unwrap();
    let client = Client::builder(source).credentials(provider).build();
    client.set("k", "v").await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);

    server.ok(&["ACL", "SETUSER", "app", "resetpass", ">second"]);
    *token.lock().unwrap() = "second";
    assert!(client.get("k").await.is_ok(), "who is in stays in");
    server.kill_clients();
    assert!(client.get("k").await.is_ok());
    let mut own = client.dedicated().await.unwrap();
    assert_eq!(own.get::<_, String>("k").await.unwrap(), "v");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_provider_that_fails_for_a_moment_is_waited_for() {
    let server = RedisServer::builder().password("token").start();
    let attempts = AtomicUsize::new(0);
    let provider = move || {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        async move {
            match attempt {
                0 => Err::<_, BoxError>("the token service is down".into()),
                _ => Ok((None, Secret::new("token"))),
            }
        }
    };
    let client = Client::builder(Source::url(server.url_as("", "wrong")).unwrap())
        .reconnect_debounce(Duration::from_millis(10), Duration::ZERO)
        .credentials(provider)
        .build();
    let mut events = client.connection_stream();
    client.set("k", "v").await.unwrap();
    let Some(ConnectionEvent::Failed { cause, .. }) = events.next().await else {
        panic!("the first attempt fails")
    };
    assert!(cause.to_string().contains("the token service is down"), "{cause}");
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up_on_with_the_connect() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .connect_timeout(Duration::from_millis(50))
        .command_timeout(Duration::from_millis(200))
        .credentials(std::future::pending::<Result<(Option<String>, Secret), BoxError>>)
        .build();
    let error = client.get("k").await.unwrap_err();
    let Error::NotExecuted(NotExecuted::Unreachable(cause)) = &error else {
        panic!("{error}")
    };
    assert!(matches!(**cause, ConnectError::Timeout { .. }), "{cause}");
}

#[tokio::test]
async fn a_provider_that_panics_is_asked_no_more_often_than_the_debounce_allows() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::from_secs(60), Duration::ZERO)
        .command_timeout(Duration::from_millis(20))
        .credentials(move || {
            counter.fetch_add(1, Ordering::Relaxed);
            async { panic!("on purpose") }
        })
        .build();
    for _ in 0..5 {
        let error = client.get("k").await.unwrap_err();
        let Error::NotExecuted(NotExecuted::Unreachable(cause)) = &error else {
            panic!("{error}")
        };
        assert!(matches!(**cause, ConnectError::Panicked), "{cause}");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}
