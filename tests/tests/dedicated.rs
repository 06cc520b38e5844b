//! Connections of one's own.

use std::time::Duration;

use futures_util::StreamExt;
use redis::aio::{ConnectionLike, transaction_async};
use redis::{AsyncCommands, RedisError, Value, cmd, pipe};
use swapplex::config::Source;
use swapplex::{Client, Error, NoReply, NotExecuted};
use swapplex_tests::RedisServer;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

fn inside(error: &RedisError) -> &Error {
    Error::inside(error).expect("one of our errors")
}

/// Waits until the server has so many clients.
async fn until_clients(server: &RedisServer, number: usize) {
    while server.clients().len() != number {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_transaction_with_watch_is_tried_again_when_somebody_interferes() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("n", 10).await.unwrap();
    let mut attempts = 0;
    let (n,): (i64,) = transaction_async(
        client.dedicated().await.unwrap(),
        &["n"],
        |mut own, mut pipeline| {
            attempts += 1;
            let shared = client.clone();
            async move {
                let n: i64 = own.get("n").await?;
                if n == 10 {
                    shared.set("n", 20).await.map_err(RedisError::from)?;
                }
                pipeline
                    .set("n", n + 1)
                    .ignore()
                    .get("n")
                    .query_async(&mut own)
                    .await
            }
        },
    )
    .await
    .unwrap();
    assert_eq!((n, attempts), (21, 2));
}

#[tokio::test]
async fn transactions_of_many_lose_no_update() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let tasks = (0..4).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let own = client.dedicated().await.unwrap();
            for _ in 0..25 {
                let _: (i64,) = transaction_async(own.clone(), &["n"], |mut own, mut pipeline| async move {
                    let n: Option<i64> = own.get("n").await?;
                    pipeline
                        .set("n", n.unwrap_or(0) + 1)
                        .ignore()
                        .get("n")
                        .query_async(&mut own)
                        .await
                })
                .await
                .unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(client.get("n").await.unwrap().as_deref(), Some(&b"100"[..]));
}

#[tokio::test]
async fn messages_come_through_redis_rs_own_type() {
    let server = RedisServer::start();
    for query in ["", "?protocol=resp2"] {
        let client = Client::open(server.url() + query).unwrap();
        let mut pubsub = client.connection().pubsub().await.unwrap();
        pubsub.subscribe("news").await.unwrap();
        pubsub.psubscribe("w*").await.unwrap();
        let mut publisher = client.connection();
        for (channel, message) in [("news", "one"), ("weather", "two"), ("news", "three")] {
            let receivers: usize = publisher.publish(channel, message).await.unwrap();
            assert_eq!(receivers, 1);
        }
        let mut messages = pubsub.on_message();
        for expected in [("news", "one"), ("weather", "two"), ("news", "three")] {
            let message = messages.next().await.unwrap();
            let payload: String = message.get_payload().unwrap();
            assert_eq!((message.get_channel_name(), &*payload), expected);
        }
        drop(messages);
        drop(pubsub);
        until_clients(&server, 1).await;
        drop((client, publisher));
        until_clients(&server, 0).await;
    }
}

/// The loop of `docs::connection_manager`.
async fn follow(client: Client, messages: UnboundedSender<String>) {
    loop {
        let _: Result<(), Error> = listen(&client, &messages).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn listen(client: &Client, messages: &UnboundedSender<String>) -> Result<(), Error> {
    let mut pubsub = client.pubsub().await?;
    pubsub.subscribe("news").await?;
    let mut news = pubsub.on_message();
    while let Some(message) = news.next().await {
        let _ = messages.send(message.get_payload()?);
    }
    Ok(())
}

#[tokio::test]
async fn a_channel_is_followed_through_an_outage_that_is_longer_than_commands_wait() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(100))
        .build();
    let (sender, mut messages) = unbounded_channel();
    let following = tokio::spawn(follow(client.clone(), sender));
    for message in ["before", "after"] {
        while server.command(&["PUBLISH", "news", message]).integer() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(messages.recv().await.unwrap(), message);
        server.kill();
        while client.get("k").await.is_ok() {}
        server.restart();
    }
    following.abort();
}

#[tokio::test]
async fn wait_speaks_of_the_writes_of_its_own_connection() {
    let server = RedisServer::builder()
        .config("repl-diskless-sync-delay", "0")
        .start();
    let replica = RedisServer::builder()
        .config("replicaof", &format!("127.0.0.1 {}", server.port()))
        .start();
    let client = Client::open(server.url()).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut replicas = 0;
    while replicas == 0 {
        let _: () = own.incr("n", 1).await.unwrap();
        replicas = cmd("WAIT").arg(1).arg(100).query_async(&mut own).await.unwrap();
    }
    assert_eq!(replicas, 1);
    assert_eq!(server.ok(&["GET", "n"]), replica.ok(&["GET", "n"]));
}

#[tokio::test]
async fn what_is_set_up_on_it_stays_there() {
    let server = RedisServer::builder().unix_socket().start();
    let path = server.unix_path().unwrap();
    let client = Client::open(format!("unix://{}?db=2", path.display())).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut shared = client.connection();
    let _: () = shared.set("k", "two").await.unwrap();
    assert_eq!(own.get::<_, String>("k").await.unwrap(), "two");
    let _: () = cmd("SELECT").arg(3).query_async(&mut own).await.unwrap();
    assert_eq!(own.get::<_, Option<String>>("k").await.unwrap(), None);
    assert_eq!(shared.get::<_, String>("k").await.unwrap(), "two");

    let _: () = cmd("MULTI").query_async(&mut own).await.unwrap();
    let queued: String = cmd("INCR").arg("n").query_async(&mut own).await.unwrap();
    assert_eq!(queued, "QUEUED");
    let (n,): (u8,) = cmd("EXEC").query_async(&mut own).await.unwrap();
    assert_eq!(n, 1);

    let (a, b): (u8, u8) = pipe()
        .incr("n", 1)
        .incr("n", 1)
        .query_async(&mut own)
        .await
        .unwrap();
    assert_eq!((a, b), (2, 3));
    let (c,): (u8,) = pipe().atomic().incr("n", 1).query_async(&mut own).await.unwrap();
    assert_eq!(c, 4);
}

#[tokio::test]
async fn clones_share_a_connection_and_the_last_one_closes_it() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut clone = own.clone();
    let id = |own: &mut swapplex::Dedicated| {
        let mut own = own.clone();
        async move {
            cmd("CLIENT")
                .arg("ID")
                .query_async::<i64>(&mut own)
                .await
                .unwrap()
        }
    };
    assert_eq!(id(&mut own).await, id(&mut clone).await);
    assert_eq!(server.clients().len(), 2);
    drop(own);
    assert!(clone.ping::<String>().await.is_ok());
    drop(clone);
    until_clients(&server, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_stays_lost_and_says_what_is_known() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut other = own.clone();
    let popper = tokio::spawn(async move { other.blpop::<_, Value>("list", 0.0).await });
    while server.info("clients")["blocked_clients"] != "1" {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    server.kill_clients();
    let error = popper.await.unwrap().unwrap_err();
    assert!(
        matches!(
            inside(&error),
            Error::OutcomeUnknown {
                cause: NoReply::Lost(_),
                ..
            }
        ),
        "{error}"
    );
    let error = own.get::<_, Value>("k").await.unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Lost(_))),
        "{error}"
    );
    assert!(error.is_connection_dropped());
    let error = pipe().get("k").exec_async(&mut own).await.unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Lost(_))),
        "{error}"
    );
    assert!(client.dedicated().await.unwrap().ping::<String>().await.is_ok());
}

#[tokio::test]
async fn a_deadline_leaves_the_connection_in_order() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut hasty = own.clone().command_timeout(Duration::from_millis(500));
    let _: () = own.set("k", "v").await.unwrap();
    server.pause();
    let error = hasty.get::<_, Value>("k").await.unwrap_err();
    assert!(matches!(inside(&error), Error::Timeout { .. }), "{error}");
    let error = hasty.incr::<_, _, Value>("n", 1).await.unwrap_err();
    assert!(
        matches!(
            inside(&error),
            Error::OutcomeUnknown {
                cause: NoReply::Timeout,
                ..
            }
        ),
        "{error}"
    );
    server.resume();
    assert_eq!(own.get::<_, String>("k").await.unwrap(), "v");
    // It may block for longer than a command otherwise may take.
    let popped: Option<(String, String)> = hasty.blpop("list", 1.0).await.unwrap();
    assert_eq!(popped, None);
}

#[tokio::test]
async fn what_has_not_one_reply_is_refused() {
    let server = RedisServer::start();
    let mut own = Client::open(server.url()).unwrap().dedicated().await.unwrap();
    let error = own
        .req_packed_command(cmd("SUBSCRIBE").arg("news"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("`pubsub()`"), "{error}");
    let mut silent = cmd("SET");
    silent.arg("k").arg("v").set_no_response(true);
    assert_eq!(own.req_packed_command(&silent).await.unwrap(), Value::Nil);
    assert_eq!(own.get::<_, String>("k").await.unwrap(), "v");
    let error = own.req_packed_command(&redis::Cmd::new()).await.unwrap_err();
    assert!(error.to_string().contains("empty command"), "{error}");
}

#[tokio::test]
async fn what_was_sent_without_an_answer_arrives_though_the_connection_is_dropped() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut own = client.dedicated().await.unwrap();
    let mut silent = cmd("SET");
    // More than sockets take at once.
    silent.arg("k").arg(vec![b'x'; 16 << 20]).set_no_response(true);
    assert_eq!(own.req_packed_command(&silent).await.unwrap(), Value::Nil);
    drop(own);
    while server.command(&["STRLEN", "k"]).integer() != 16 << 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Then it is over.
    while server.clients().iter().any(|client| client["cmd"] == "set") {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let server = RedisServer::builder().password("right").start();
    let client = Client::builder(Source::url(server.url_as("", "wrong")).unwrap()).build();
    let error = client.dedicated().await.unwrap_err();
    assert!(
        matches!(error, Error::NotExecuted(NotExecuted::Connect(_))),
        "{error}"
    );
}
