//! Passwords that are wrong, that change, and users that are no more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use swapplex::config::{Secret, Source};
use swapplex::{Client, ConnectError, ConnectionEvent, Error, HandshakeError, NotExecuted};
use swapplex_tests::{Proxy, RedisServer};

use crate::live;
use crate::oracle::Load;

#[track_caller]
fn assert_rejected(error: &Error) {
    let Error::NotExecuted(NotExecuted::Connect(cause)) = error else {
        panic!("{error}")
    };
    assert!(
        matches!(
            &**cause,
            ConnectError::Handshake {
                error: HandshakeError::Authentication(_),
                ..
            }
        ),
        "{error}"
    );
    assert!(!format!("{error} {error:?} {cause} {cause:?}").contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_14_a_wrong_password_is_told_at_once_and_recovers_once_it_is_right() {
    let server = RedisServer::builder().user("app on >right ~* +@all").start();
    let load = Load::full(&server);
    let client = Client::open(server.url_as("app", "wrong-canary")).unwrap();
    for _ in 0..3 {
        assert_rejected(&client.get("k").await.unwrap_err());
        assert_rejected(&client.set("k", 1).await.unwrap_err());
    }
    assert_eq!(client.stats().dials, 1, "no loop");
    let mut events = client.connection_stream();
    let Some(ConnectionEvent::Failed { cause, .. }) = &events.next().await else {
        panic!("it failed")
    };
    assert!(!format!("{cause} {cause:?} {client:?}").contains("canary"));
    server.ok(&["ACL", "SETUSER", "app", ">wrong-canary"]);
    live(&mut events, 1).await;
    let account = load.run(&client).await;
    account.assert_untroubled();
    println!("{}", account.settle(&server));
    assert!(client.stats().dials <= 3);
}

#[tokio::test]
async fn a_missing_password_is_told_at_once_with_either_protocol() {
    let server = RedisServer::builder().password("secret").start();
    for protocol in ["resp3", "resp2"] {
        for (user, what) in [
            ("", "no password is configured"),
            ("canary@", "a user name without a password"),
        ] {
            let url = format!("redis://{user}127.0.0.1:{}/?protocol={protocol}", server.port());
            let client = Client::open(url).unwrap();
            let error = client.get("k").await.unwrap_err();
            assert_rejected(&error);
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_15_a_password_that_was_rotated_is_used_by_the_next_connection() {
    let server = RedisServer::builder().user("app on >token-0 ~* +@all").start();
    let token = Arc::new(Mutex::new("token-0".to_owned()));
    let current = Arc::clone(&token);
    let client = Client::builder(Source::url(server.url_as("app", "never-right")).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .credentials(move || {
            let token = Secret::new(current.lock().unwrap().as_str());
            async move { Ok((None, token)) }
        })
        .build();
    let load = Load::full(&server);
    let mut events = client.connection_stream();
    let rotating = async {
        // While a connection is live, so that nobody is on the way in with the old one.
        for round in 1..=20 {
            live(&mut events, round).await;
            let new = format!("token-{round}");
            server.ok(&["ACL", "SETUSER", "app", "resetpass", &format!(">{new}")]);
            *token.lock().unwrap() = new;
            server.kill_clients();
        }
        live(&mut events, 21).await;
    };
    let loading = load.run_while(&client, || client.stats().connects < 21);
    let (accounts, ()) = tokio::join!(loading, rotating);
    println!("{:?}", client.stats());
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
}

#[tokio::test]
async fn row_17_a_user_who_is_deleted_is_told_so_and_does_not_knock_too_often() {
    let server = RedisServer::builder().user("app on >right ~* +@all").start();
    let proxy = Proxy::start(server.port());
    let client = Client::open(format!("redis://app:right@127.0.0.1:{}", proxy.port())).unwrap();
    client.set("k", 1).await.unwrap();
    let mut events = client.connection_stream();
    live(&mut events, 1).await;
    // The server closes the connections of a user that it deletes.
    server.ok(&["ACL", "DELUSER", "app"]);
    for failures in 1..=3 {
        let Some(ConnectionEvent::Failed { .. }) = (loop {
            match events.next().await {
                Some(ConnectionEvent::Disconnected { epoch: 1, .. }) if failures == 1 => {}
                event => break event,
            }
        }) else {
            panic!("nobody is let in")
        };
        assert_rejected(&client.get("k").await.unwrap_err());
        assert_rejected(&client.set("k", 2).await.unwrap_err());
    }
    let gaps = proxy.traffic().dials.gaps();
    println!("{gaps:?}");
    assert_eq!(gaps.len(), 3, "the first dial and three more");
    // The first reconnect is free. What is seen here is the arrival.
    assert!(
        gaps[1..].iter().all(|gap| *gap >= Duration::from_millis(1400)),
        "{gaps:?}"
    );
    server.ok(&["ACL", "SETUSER", "app", "on", ">right", "~*", "+@all"]);
    live(&mut events, 2).await;
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"1"[..]));
}
