//! Whether a database is ready, and closing it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, RedisError, Value, cmd};
use swapplex::config::Source;
use swapplex::{
    Client, ConnectError, ConnectionEvent, Error, HandshakeError, LostCause, NoReply, NotExecuted, NotReady,
};
use swapplex_tests::{Answer, Proxy, RedisServer, ReservedPort, ScriptedServer, block_on};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn is_closed(error: &Error) -> bool {
    let is_refused = matches!(error, Error::NotExecuted(NotExecuted::Connect(cause)) if matches!(**cause, ConnectError::Closed));
    is_refused && error.is_closed()
}

fn inside(error: &RedisError) -> &Error {
    Error::inside(error).expect("one of our errors")
}

/// Waits until so many clients are blocked.
async fn until_blocked(server: &RedisServer, number: usize) {
    while server.info("clients")["blocked_clients"] != number.to_string() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_database_is_ready_once_its_server_answers() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.ready().await.unwrap();
    assert_eq!(client.stats().connects, 1, "asking connects");
    server.kill_clients();
    client.ready().await.unwrap();
}

#[tokio::test]
async fn who_asks_until_a_database_is_ready_may_begin_before_the_server() {
    let server = RedisServer::start();
    server.kill();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::from_millis(10), Duration::ZERO)
        .build();
    client.ready().await.unwrap_err();
    server.restart();
    while client.ready().await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_user_who_may_not_ping_is_ready() {
    let server = RedisServer::builder()
        .user("few on >pw ~* +get +client|id")
        .start();
    let client = Client::open(server.url_as("few", "pw")).unwrap();
    client.ready().await.unwrap();
}

#[tokio::test]
async fn a_database_that_cannot_be_connected_to_says_why_and_that_at_once() {
    let closed = ReservedPort::new().unwrap();
    // The second attempt is far away, so only the first one can be told of.
    let client = Client::builder(Source::url(format!("redis://127.0.0.1:{}", closed.number())).unwrap())
        .reconnect_debounce(FOR_EVER, Duration::ZERO)
        .connect_timeout(FOR_EVER)
        .build();
    for _ in 0..2 {
        let reason = timeout(FOR_EVER / 2, client.ready()).await.unwrap().unwrap_err();
        assert!(
            matches!(&reason, NotReady::Connect(cause) if matches!(**cause, ConnectError::Io(_))),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_wrong_password_is_the_reason() {
    let server = RedisServer::builder().password("right").start();
    let client = Client::open(server.url_as("default", "wrong")).unwrap();
    let reason = client.ready().await.unwrap_err();
    assert!(
        matches!(&reason, NotReady::Connect(cause)
            if matches!(**cause, ConnectError::Handshake { error: HandshakeError::Authentication(_), .. })),
        "{reason}"
    );
}

#[tokio::test]
async fn a_server_that_hangs_behind_a_live_connection_is_not_ready() {
    let server = RedisServer::start();
    let patience = Duration::from_millis(300);
    let client = Client::builder(Source::url(server.url()).unwrap())
        .connect_timeout(patience)
        .build();
    client.set("k", 1).await.unwrap();
    server.pause();
    let reason = timeout(FOR_EVER, client.ready()).await.unwrap().unwrap_err();
    server.resume();
    assert!(
        matches!(&reason, NotReady::Timeout { limit, .. } if *limit == patience)
            && reason
                .to_string()
                .contains(&format!("127.0.0.1:{}", server.port())),
        "{reason}"
    );
    assert_eq!(client.stats().unknown_outcomes, 0, "nobody asked for the PING");
}

#[tokio::test]
async fn a_server_that_serves_nobody_now_is_not_ready() {
    let server = ScriptedServer::start(|request| match request.name().as_str() {
        "PING" => Answer::error("MISCONF no"),
        _ => request.handshake().unwrap_or_else(Answer::ok),
    });
    let client = Client::open(server.url()).unwrap();
    let reason = client.ready().await.unwrap_err();
    assert!(matches!(reason, NotReady::Refused(_)), "{reason}");
}

#[tokio::test]
async fn a_server_that_is_loading_says_so_at_once() {
    let server = ScriptedServer::start(|request| match request.name().as_str() {
        "PING" => Answer::error("LOADING Redis is loading the dataset in memory"),
        _ => request.handshake().unwrap_or_else(Answer::ok),
    });
    let client = Client::open(server.url()).unwrap();
    let reason = client.ready().await.unwrap_err();
    assert!(matches!(reason, NotReady::Refused(_)), "{reason}");
    let seen = server.seen();
    let pings = seen.requests.iter().filter(|request| request.name() == "PING");
    assert_eq!(pings.count(), 1, "it was asked again");
}

#[tokio::test]
async fn what_will_not_be_right_in_a_moment_is_told_from_what_may() {
    let guarded = RedisServer::builder().user("app on >p ~* +@all").start();
    let nobody = ReservedPort::new().unwrap();
    for (url, is_permanent) in [
        (guarded.url_as("app", "wrong"), true),
        (format!("redis://127.0.0.1:{}", nobody.number()), false),
    ] {
        let reason = Client::open(url).unwrap().ready().await.unwrap_err();
        assert_eq!(reason.is_permanent(), is_permanent, "{reason}");
    }
}

#[test]
fn nothing_is_ready_outside_of_a_runtime() {
    let client = Client::open("redis://127.0.0.1:1").unwrap();
    let reason = client.ready().now_or_never();
    assert!(matches!(reason, Some(Err(NotReady::NoRuntime))), "{reason:?}");
}

#[test]
fn what_is_under_way_when_a_client_is_closed_is_answered() {
    for workers in [0, 2] {
        let runtime = match workers {
            0 => current_thread(),
            _ => Builder::new_multi_thread()
                .worker_threads(workers)
                .enable_all()
                .build()
                .unwrap(),
        };
        let server = RedisServer::start();
        runtime.block_on(async {
            let client = Client::open(server.url()).unwrap();
            let mut events = client.connection_stream();
            client.set("warm", "up").await.unwrap();
            let begun = Arc::new(AtomicUsize::new(0));
            let tasks: Vec<_> = (0..1000)
                .map(|i| {
                    let (client, begun) = (client.clone(), Arc::clone(&begun));
                    tokio::spawn(async move {
                        let mut both = Box::pin(async {
                            tokio::try_join!(client.set(format!("close:{i}"), i), client.get("warm"))
                        });
                        let mut is_first = true;
                        std::future::poll_fn(|cx| {
                            let poll = both.as_mut().poll(cx);
                            if std::mem::take(&mut is_first) {
                                begun.fetch_add(1, Ordering::Relaxed);
                            }
                            poll
                        })
                        .await
                    })
                })
                .collect();
            while begun.load(Ordering::Relaxed) < tasks.len() {
                tokio::task::yield_now().await;
            }
            client.close().await.unwrap();
            assert_eq!(server.clients().len(), 0, "it is closed on return");
            for task in tasks {
                let ((), value) = task.await.unwrap().expect("answered");
                assert_eq!(value.as_deref(), Some(&b"up"[..]));
            }
            assert_eq!(server.ok(&["DBSIZE"]).integer(), 1001);

            let error = client.get("warm").await.unwrap_err();
            assert!(is_closed(&error), "{error}");
            let error = client.dedicated().await.unwrap_err();
            assert!(is_closed(&error), "{error}");
            let reason = client.ready().await.unwrap_err();
            assert!(reason.to_string().contains("the client was closed"), "{reason}");
            client.close().await.unwrap();
            assert!(matches!(events.next().await, Some(ConnectionEvent::Connected { .. })));
            let event = events.next().await.expect("the client is still there");
            assert!(
                matches!(&event, ConnectionEvent::Disconnected { cause, .. } if matches!(**cause, LostCause::Closed)),
                "{event:?}"
            );
        });
    }
}

#[test]
fn a_runtime_that_comes_later_connects_anew() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let [first, second, third] = [current_thread(), current_thread(), current_thread()];
    first.block_on(client.set("k", 1)).unwrap();
    second.block_on(client.set("k", 2)).unwrap();
    // The second one's connection cannot close before its runtime runs.
    let closing = std::thread::scope(|scope| {
        let closing = scope.spawn(|| first.block_on(client.close()));
        second.block_on(async {
            while !matches!(client.get("k").await, Err(error) if is_closed(&error)) {
                tokio::task::yield_now().await;
            }
        });
        closing.join().unwrap()
    });
    closing.unwrap();
    assert_eq!(server.clients().len(), 0);
    for runtime in [&first, &second] {
        let error = runtime.block_on(client.get("k")).unwrap_err();
        assert!(is_closed(&error), "{error}");
    }
    third.block_on(client.set("k", 3)).unwrap();
}

#[tokio::test]
async fn a_client_that_never_connected_is_closed_at_once() {
    let client = Client::open("redis://127.0.0.1:1").unwrap();
    timeout(FOR_EVER, client.close()).await.unwrap().unwrap();
    let error = client.get("k").await.unwrap_err();
    assert!(is_closed(&error), "{error}");
    assert_eq!(client.stats().dials, 0);
}

#[tokio::test]
async fn who_waits_for_a_connection_is_told_that_there_will_be_none() {
    let closed = ReservedPort::new().unwrap();
    let client = Client::builder(Source::url(format!("redis://127.0.0.1:{}", closed.number())).unwrap())
        .command_timeout(FOR_EVER)
        .build();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.set("k", 1).await }
    });
    assert!(matches!(client.ready().await, Err(NotReady::Connect(_))));
    client.close().await.unwrap();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(is_closed(&error), "{error}");
}

#[tokio::test]
async fn a_silent_server_keeps_nobody_from_closing() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(300))
        .build();
    client.set("k", 1).await.unwrap();
    let mut patient = client.connection().command_timeout(FOR_EVER);
    let mut own = client.dedicated().await.unwrap().command_timeout(FOR_EVER);
    server.pause();
    let waiting = tokio::spawn(async move {
        let shared = async { patient.incr::<_, _, i64>("n", 1).await };
        let own = async { own.incr::<_, _, i64>("n", 1).await };
        futures_util::future::join(shared, own).await
    });
    // On the one thread that there is, the task has its first turn here, and sends both.
    tokio::task::yield_now().await;
    let began = Instant::now();
    let unsettled = timeout(FOR_EVER, client.close()).await.unwrap().unwrap_err();
    server.resume();
    assert_eq!(unsettled.requests, 2);
    assert!(began.elapsed() < FOR_EVER / 2, "{:?}", began.elapsed());
    let (shared, own) = waiting.await.unwrap();
    for result in [shared, own] {
        let error = result.unwrap_err();
        assert!(matches!(inside(&error), Error::OutcomeUnknown { .. }), "{error}");
    }
}

#[tokio::test]
async fn commands_that_block_are_answered_as_if_their_time_were_up() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    let moved = tokio::spawn(async move { connection.blpop::<_, Option<(String, i32)>>("list", 0.0).await });
    let mut own = client.dedicated().await.unwrap();
    let kept = own.clone();
    let held = tokio::spawn(async move { own.blpop::<_, Option<(String, i32)>>("list", 0.0).await });
    until_blocked(&server, 2).await;
    let began = Instant::now();
    client.close().await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "at once: {:?}",
        began.elapsed()
    );
    assert_eq!(moved.await.unwrap().unwrap(), None);
    assert_eq!(held.await.unwrap().unwrap(), None);
    assert_eq!(server.clients().len(), 0);
    let error = cmd("GET")
        .arg("k")
        .query_async::<Value>(&mut { kept })
        .await
        .unwrap_err();
    assert!(
        matches!(inside(&error), Error::NotExecuted(NotExecuted::Lost(cause)) if matches!(**cause, LostCause::Closed)),
        "{error}"
    );
}

#[test]
fn commands_that_block_are_answered_wherever_their_client_is_closed() {
    let server = RedisServer::start();
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    for elsewhere in [Some(current_thread()), None] {
        let client = Client::open(server.url()).unwrap();
        let mut connection = client.connection();
        let popping =
            runtime.spawn(async move { connection.blpop::<_, Option<(String, i32)>>("list", 0.0).await });
        runtime.block_on(until_blocked(&server, 1));
        let closed = match &elsewhere {
            Some(elsewhere) => elsewhere.block_on(client.close()),
            None => block_on(client.close()),
        };
        assert_eq!(closed, Ok(()));
        assert_eq!(runtime.block_on(popping).unwrap().unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_is_about_to_block_when_its_client_is_closed_loses_nothing() {
    let server = RedisServer::start();
    for round in 0..60 {
        let client = Client::open(server.url()).unwrap();
        client.get("warm").await.unwrap();
        let pops: Vec<_> = (0..16)
            .map(|_| {
                let mut connection = client.connection();
                tokio::spawn(async move { connection.blpop::<_, Option<(String, i32)>>("list", 0.0).await })
            })
            .collect();
        // Some have sent it by then, and some are still connecting.
        tokio::time::sleep(Duration::from_micros(round * 100)).await;
        client.close().await.unwrap();
        for pop in pops {
            match pop.await.unwrap() {
                Ok(popped) => assert_eq!(popped, None),
                Err(error) => assert!(inside(&error).is_not_executed(), "{error}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_pops_again_and_again_loses_nothing_when_the_client_is_closed() {
    let server = RedisServer::start();
    for _ in 0..10 {
        let client = Client::open(server.url()).unwrap();
        let mut workers = Vec::new();
        for _ in 0..40 {
            let mut own = client.dedicated().await.unwrap();
            workers.push(tokio::spawn(async move {
                loop {
                    if let Err(error) = own.blpop::<_, Option<(String, i32)>>("list", 0.0).await {
                        break error;
                    }
                }
            }));
        }
        until_blocked(&server, 40).await;
        client.close().await.unwrap();
        for worker in workers {
            let error = worker.await.unwrap();
            assert!(inside(&error).is_not_executed(), "{error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_disturbs_no_stranger_where_a_name_leads_to_two_servers() {
    let (shared, other) = (RedisServer::start(), RedisServer::start());
    let proxy = Proxy::start(shared.port());
    let settings = Client::builder(Source::url(proxy.url()).unwrap());
    let client = settings.command_timeout(Duration::from_millis(300)).build();
    client.get("warm").await.unwrap();
    // The other server's numbers are ahead, so that the first one's can catch up.
    for _ in 0..50 {
        number(&mut connect(&other.url()).await).await;
    }
    proxy.lead_to(other.port());
    let mut own = client.dedicated().await.unwrap();
    let ours: i64 = cmd("CLIENT").arg("ID").query_async(&mut own).await.unwrap();
    let stranger = loop {
        let mut connection = connect(&shared.url()).await;
        match number(&mut connection).await {
            same if same == ours => break connection,
            less => assert!(less < ours, "{less} is beyond {ours}"),
        }
    };
    let pop = |mut connection: MultiplexedConnection| {
        tokio::spawn(async move { connection.blpop::<_, Option<(String, i32)>>("list", 0.0).await })
    };
    let stranger = pop(stranger);
    let own = tokio::spawn(async move { own.blpop::<_, Option<(String, i32)>>("list", 0.0).await });
    until_blocked(&shared, 1).await;
    until_blocked(&other, 1).await;
    assert_eq!(client.close().await.unwrap_err().requests, 1);
    assert!(own.await.unwrap().is_err());
    shared.ok(&["RPUSH", "list", "7"]);
    let popped = timeout(FOR_EVER, stranger).await.unwrap().unwrap().unwrap();
    assert_eq!(popped, Some(("list".to_owned(), 7)));
}

/// A connection of somebody else, which waits for as long as it takes.
async fn connect(url: &str) -> MultiplexedConnection {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let client = redis::Client::open(url).unwrap();
    client
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .unwrap()
}

/// The server's number for a connection.
async fn number(connection: &mut MultiplexedConnection) -> i64 {
    cmd("CLIENT").arg("ID").query_async(connection).await.unwrap()
}

#[tokio::test]
async fn a_database_closes_also_where_nobody_waits_for_it() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let own = client.dedicated().await.unwrap();
    let closing = client.close();
    assert!(closing.now_or_never().is_none(), "polled once, and dropped");
    let closed = async {
        while !server.clients().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(FOR_EVER, closed).await.unwrap();
    assert!(is_closed(&client.get("k").await.unwrap_err()));
    drop(own);
}

#[tokio::test]
async fn subscriptions_end() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut pubsub = client.pubsub().await.unwrap();
    pubsub.subscribe("news").await.unwrap();
    client.close().await.unwrap();
    let mut messages = pubsub.on_message();
    assert!(timeout(FOR_EVER, messages.next()).await.unwrap().is_none());
    drop(messages);
    assert_eq!(server.clients().len(), 0);
}

#[test]
fn a_client_can_be_closed_outside_of_a_runtime() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(client.set("k", 1)).unwrap();
    block_on(client.close()).unwrap();
    assert_eq!(server.clients().len(), 0);
}

#[test]
fn a_runtime_that_nobody_drives_keeps_nobody_from_closing() {
    let server = RedisServer::start();
    let builder = Client::builder(Source::url(server.url()).unwrap());
    let client = builder.command_timeout(10 * FOR_EVER).build();
    let (still, moving) = (current_thread(), current_thread());
    still.block_on(client.set("k", 1)).unwrap();
    moving.block_on(async {
        client.set("k", 2).await.unwrap();
        timeout(FOR_EVER, client.close()).await.unwrap().unwrap();
    });
    drop(still);
    assert_eq!(server.clients().len(), 0);
}

#[test]
fn what_is_under_way_where_nobody_drives_the_runtime_is_counted() {
    let server = RedisServer::start();
    let builder = Client::builder(Source::url(server.url()).unwrap());
    let client = builder.command_timeout(Duration::from_millis(200)).build();
    let (still, moving) = (current_thread(), current_thread());
    still.block_on(client.set("k", 1)).unwrap();
    server.ok(&["CLIENT", "PAUSE", "60000"]);
    let mut get = Box::pin(client.get("k"));
    still.block_on(async { assert!(get.as_mut().now_or_never().is_none()) });
    let unsettled = moving.block_on(client.close()).unwrap_err();
    assert_eq!(unsettled.requests, 1);
}

#[test]
fn at_the_end_of_a_runtime_commands_that_block_are_answered_too() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.connection();
    // In no task of the runtime: those that are woken last are dropped without another turn.
    let mut popping =
        Box::pin(async move { connection.blpop::<_, Option<(String, i32)>>("list", 0.0).await });
    let began = std::time::Instant::now();
    let runtime = swapplex::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.run(async {
        tokio::select! {
            popped = &mut popping => panic!("{popped:?}"),
            () = until_blocked(&server, 1) => {}
        }
    });
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let popped = popping.now_or_never();
    assert!(matches!(popped, Some(Ok(None))), "{popped:?}");
    assert_eq!(server.clients().len(), 0);
}

#[tokio::test]
async fn what_waits_on_a_connection_that_another_has_replaced_is_closed_and_counted_too() {
    let server = ScriptedServer::start(|request| {
        let handshake = request.handshake();
        match (request.name().as_str(), request.connection) {
            // So that there is time to ask for something on the first connection.
            ("HELLO", 1) => handshake.expect("it is one").after(Duration::from_millis(100)),
            ("SET", 0) => Answer::error("READONLY You can't write against a read only replica."),
            ("INCRBY", _) => Answer::nothing(),
            _ => handshake.unwrap_or_else(Answer::ok),
        }
    });
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .command_timeout(Duration::from_millis(500))
        .build();
    client.ready().await.unwrap();
    let set = tokio::spawn(client.set("k", "v"));
    let is_asked = |name: &'static str| {
        server.until(move |seen| seen.requests.iter().any(|request| request.name() == name))
    };
    is_asked("SET").await;
    let increment = tokio::spawn({
        let mut connection = client.connection().command_timeout(FOR_EVER);
        async move { connection.incr::<_, _, i64>("n", 1).await }
    });
    is_asked("INCRBY").await;
    // Has found out that the server is a replica; its second attempt may stand behind what is never answered.
    let _ = set.await.unwrap();
    let mut events = client.connection_stream();
    while !matches!(
        events.next().await,
        Some(ConnectionEvent::Connected { epoch: 2, .. })
    ) {}
    let unsettled = client.close().await.unwrap_err();
    assert_eq!(unsettled.requests, 1);
    let error = increment.await.unwrap().unwrap_err();
    let Some(Error::OutcomeUnknown { cause, .. }) = Error::inside(&error) else {
        panic!("{error}")
    };
    assert!(
        matches!(cause, NoReply::Lost(cause) if matches!(**cause, LostCause::Closed)),
        "{cause}"
    );
}
