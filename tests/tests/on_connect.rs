//! What is done on each new connection before anybody gets it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use redis::{AsyncCommands, RedisError, RedisResult, Script, Value, cmd, pipe};
use swapplex::config::{BoxError, Source};
use swapplex::{
    Client, ClientBuilder, ConnectError, ConnectionEvent, ConnectionStream, Error, NewConnection,
    NotExecuted, NotReady,
};
use swapplex_tests::RedisServer;
use tokio::time::{Instant, timeout};

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

fn builder(server: &RedisServer) -> ClientBuilder {
    Client::builder(Source::url(server.url()).unwrap())
}

/// The cause of the next failed attempt, if nothing else comes before it.
async fn failure(events: &mut ConnectionStream) -> Arc<ConnectError> {
    match timeout(FOR_EVER, events.next()).await.expect("an event") {
        Some(ConnectionEvent::Failed { cause, .. }) => cause,
        event => panic!("{event:?}"),
    }
}

#[tokio::test]
async fn it_runs_on_each_connection_before_any_command_that_waits() {
    let server = RedisServer::start();
    let client = builder(&server)
        .on_connect(|mut connection: NewConnection| async move {
            // Slow enough that commands would overtake it.
            tokio::time::sleep(Duration::from_millis(50)).await;
            connection.incr::<_, _, ()>("set up", 1).await
        })
        .build();
    for round in 1..=3 {
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.get("set up").await })
            })
            .collect();
        for task in waiting {
            let value = task.await.unwrap().unwrap().expect("set up");
            assert_eq!(value, round.to_string());
        }
        let mut events = client.connection_stream();
        assert!(matches!(
            events.next().await,
            Some(ConnectionEvent::Connected { .. })
        ));
        server.kill_clients();
        let event = timeout(FOR_EVER, events.next()).await.unwrap();
        assert!(
            matches!(event, Some(ConnectionEvent::Disconnected { .. })),
            "{event:?}"
        );
    }
}

#[tokio::test]
async fn all_of_redis_rs_works_in_it() {
    for protocol in ["resp2", "resp3"] {
        let server = RedisServer::start();
        let source = Source::url(format!("{}/2?protocol={protocol}", server.url())).unwrap();
        let client = Client::builder(source)
            .on_connect(|mut connection: NewConnection| async move {
                assert_eq!(redis::aio::ConnectionLike::get_db(&connection), 2);
                let sum: i64 = Script::new("return ARGV[1] + ARGV[2]")
                    .arg(1)
                    .arg(2)
                    .invoke_async(&mut connection)
                    .await?;
                let mut pipeline = pipe();
                pipeline.atomic().set("sum", sum).ignore().get("sum");
                let (sum,): (i64,) = pipeline.query_async(&mut connection).await?;
                // What the shared connection refuses.
                cmd("CLIENT")
                    .arg("NO-TOUCH")
                    .arg("ON")
                    .exec_async(&mut connection)
                    .await
                    .ok();
                cmd("CLIENT")
                    .arg("TRACKING")
                    .arg("ON")
                    .arg("BCAST")
                    .exec_async(&mut connection)
                    .await
                    .ok();
                connection.set::<_, _, ()>("sum", sum + 1).await
            })
            .build();
        let sum = client.get("sum").await.unwrap();
        assert_eq!(sum.as_deref(), Some(&b"4"[..]), "{protocol}");
    }
}

#[tokio::test]
async fn its_error_is_a_failed_attempt_and_the_next_one_is_debounced() {
    let server = RedisServer::start();
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&attempts);
    let pause = Duration::from_millis(200);
    let client = builder(&server)
        .reconnect_debounce(pause, Duration::ZERO)
        .on_connect(move |_| {
            let number = {
                let mut attempts = noted.lock().unwrap();
                attempts.push(Instant::now());
                attempts.len()
            };
            async move {
                match number {
                    1..=3 => Err(BoxError::from(format!("attempt {number} fails"))),
                    _ => Ok(()),
                }
            }
        })
        .build();
    let mut events = client.connection_stream();
    let reason = client.ready().await.unwrap_err();
    assert_eq!(
        reason.to_string(),
        "not connected: on_connect failed: attempt 1 fails"
    );
    let mut hasty = client.connection().command_timeout(Duration::from_millis(50));
    let error: RedisError = hasty.get::<_, Value>("k").await.unwrap_err();
    assert!(
        matches!(Error::inside(&error), Some(Error::NotExecuted(NotExecuted::Unreachable(cause)))
            if matches!(**cause, ConnectError::OnConnect(_))),
        "{error}"
    );
    client.set("k", 1).await.unwrap();
    for number in 1..=3 {
        let cause = failure(&mut events).await;
        assert_eq!(
            cause.to_string(),
            format!("on_connect failed: attempt {number} fails")
        );
        assert!(!cause.is_permanent());
    }
    assert!(matches!(
        events.next().await,
        Some(ConnectionEvent::Connected { .. })
    ));
    let attempts = attempts.lock().unwrap();
    assert_eq!(attempts.len(), 4);
    for pair in attempts.windows(2) {
        // It is the beginnings of the dials that keep their distance.
        assert!(pair[1] - pair[0] >= pause / 2, "{:?}", pair[1] - pair[0]);
    }
    assert_eq!(client.stats().connects, 1);
    assert_eq!(server.clients().len(), 1, "those that failed are closed");
}

#[tokio::test]
async fn a_panic_in_it_is_a_failed_attempt() {
    let server = RedisServer::start();
    let attempts = AtomicUsize::new(0);
    let client = builder(&server)
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .on_connect(move |_| {
            let number = attempts.fetch_add(1, Ordering::Relaxed);
            assert!(number != 0, "on purpose, before the future");
            async move {
                assert!(number != 1, "on purpose, in the future");
                Ok::<(), BoxError>(())
            }
        })
        .build();
    let mut events = client.connection_stream();
    client.set("k", 1).await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            failure(&mut events).await.to_string(),
            "on_connect failed: it panicked"
        );
    }
}

#[tokio::test]
async fn it_has_the_time_that_a_connect_may_take() {
    let server = RedisServer::start();
    let client = builder(&server)
        .connect_timeout(Duration::from_millis(300))
        .on_connect(|mut connection: NewConnection| async move {
            connection.blpop::<_, Value>("list", 0.0).await?;
            RedisResult::Ok(())
        })
        .build();
    let mut events = client.connection_stream();
    let began = Instant::now();
    assert!(matches!(
        client.ready().await,
        Err(NotReady::Connect(_) | NotReady::Timeout { .. })
    ));
    let cause = failure(&mut events).await;
    assert!(matches!(*cause, ConnectError::OnConnect(_)), "{cause}");
    assert!(began.elapsed() < FOR_EVER / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_lost_meanwhile_is_a_failed_attempt() {
    let server = Arc::new(RedisServer::start());
    let attempts = AtomicUsize::new(0);
    let killing = Arc::clone(&server);
    let client = builder(&server)
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .on_connect(move |mut connection: NewConnection| {
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                killing.kill_clients();
            }
            async move {
                match connection.get::<_, Value>("k").await {
                    // Waits for what must come by itself.
                    Err(_) => std::future::pending().await,
                    Ok(_) => RedisResult::Ok(()),
                }
            }
        })
        .build();
    let mut events = client.connection_stream();
    client.set("k", 1).await.unwrap();
    let cause = failure(&mut events).await;
    assert!(matches!(*cause, ConnectError::Io(_)), "{cause}");
    let named = format!("lost 127.0.0.1:{} during on_connect: ", server.port());
    assert!(cause.to_string().starts_with(&named), "{cause}");
    assert!(matches!(
        events.next().await,
        Some(ConnectionEvent::Connected { .. })
    ));
}

#[tokio::test]
async fn what_it_leaves_unanswered_shifts_no_reply() {
    let server = RedisServer::start();
    let client = builder(&server)
        .on_connect(|connection: NewConnection| async move {
            for i in 0..50 {
                let mut connection = connection.clone();
                let mut asked = Box::pin(async move { connection.set::<_, _, ()>(i, "x").await });
                // Sent, and not waited for.
                assert!(asked.as_mut().now_or_never().is_none());
            }
            Ok::<(), BoxError>(())
        })
        .build();
    client.set("own", "value").await.unwrap();
    assert_eq!(client.get("own").await.unwrap().as_deref(), Some(&b"value"[..]));
    assert_eq!(server.ok(&["DBSIZE"]).integer(), 51);
}

#[tokio::test]
async fn its_connection_is_not_its_own_for_longer() {
    let server = RedisServer::start();
    let kept = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&kept);
    let client = builder(&server)
        .on_connect(move |connection: NewConnection| {
            *keep.lock().unwrap() = Some(connection);
            async { Ok::<(), BoxError>(()) }
        })
        .build();
    client.set("k", 1).await.unwrap();
    let mut connection = kept.lock().unwrap().take().expect("it ran");
    let error = connection.get::<_, Value>("k").await.unwrap_err();
    assert!(error.to_string().contains("until it returns"), "{error}");
    let error = pipe()
        .get("k")
        .query_async::<Value>(&mut connection)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("until it returns"), "{error}");
}

#[tokio::test]
async fn what_waits_for_room_until_it_is_over_is_not_sent() {
    let server = RedisServer::start();
    server.ok(&["SET", "k", "v"]);
    let (told, telling) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    let client = builder(&server)
        .in_flight_budget(1)
        .on_connect(move |mut slow: NewConnection| {
            let mut waiting = slow.clone();
            let told = told.lock().unwrap().take();
            async move {
                tokio::spawn(async move {
                    let sleeping = cmd("DEBUG").arg("SLEEP").arg(0.05).to_owned();
                    let selecting = cmd("SELECT").arg(5).to_owned();
                    let both = tokio::join!(
                        biased;
                        sleeping.query_async::<()>(&mut slow),
                        selecting.query_async::<()>(&mut waiting)
                    );
                    told.map(|told| told.send(both));
                });
                tokio::task::yield_now().await;
                Ok::<_, RedisError>(())
            }
        })
        .build();
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
    let (slept, selected) = telling.await.unwrap();
    slept.unwrap();
    let error = selected.unwrap_err();
    assert!(error.to_string().contains("belongs to everybody"), "{error}");
    assert_eq!(client.get("k").await.unwrap().as_deref(), Some(&b"v"[..]));
}

#[tokio::test]
async fn connections_of_ones_own_are_not_set_up() {
    let server = RedisServer::start();
    let client = builder(&server)
        .on_connect(|mut connection: NewConnection| async move { connection.incr::<_, _, ()>("n", 1).await })
        .build();
    let mut own = client.dedicated().await.unwrap();
    let n: i64 = own.get("n").await.unwrap();
    assert_eq!(n, 1, "the shared one, which is waited for");
}
