//! One database used from many runtimes: in turn, at once, nested, and when they end.

use std::pin::Pin;
use std::sync::{OnceLock, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use redis::{AsyncCommands, RedisFuture, RedisResult, Value, pipe};
use swapplex::config::Source;
use swapplex::{Client, ConnectError, Database, Error, NotExecuted};
use swapplex_tests::{Answer, RedisServer, ScriptedServer, block_on};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::timeout;

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

/// The static database that all tests here share.
struct Shared;

impl Database for Shared {
    fn client() -> &'static Client {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(|| Client::builder(Source::url(server().url()).unwrap()).build())
    }
}

fn server() -> &'static RedisServer {
    static SERVER: OnceLock<RedisServer> = OnceLock::new();
    SERVER.get_or_init(RedisServer::start)
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread(workers: usize) -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

async fn use_it(i: usize) {
    let work = async {
        let key = format!("runtimes:{i}");
        Shared::set(&key, i).await.unwrap();
        assert_eq!(
            Shared::get(&key).await.unwrap().as_deref(),
            Some(i.to_string().as_bytes())
        );
        let mut conn = Shared::connection();
        let value: usize = tokio::spawn(async move { conn.get(key).await.unwrap() })
            .await
            .unwrap();
        assert_eq!(value, i);
    };
    timeout(FOR_EVER, work).await.expect("nothing hangs");
}

#[test]
fn row_37_two_hundred_runtimes_in_a_row_share_one_database() {
    for i in 0..200 {
        let runtime = if i % 3 == 0 {
            multi_thread(1 + i % 4)
        } else {
            current_thread()
        };
        runtime.block_on(use_it(i));
    }
}

#[test]
fn row_37_eight_runtimes_at_once_share_one_database() {
    let threads: Vec<_> = (0..8)
        .map(|i| {
            thread::spawn(move || {
                for round in 0..20 {
                    let runtime = if i % 2 == 0 {
                        multi_thread(2)
                    } else {
                        current_thread()
                    };
                    runtime.block_on(use_it(1000 + i * 100 + round));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Each of these is a runtime of its own, and the test harness runs some at once.
macro_rules! tokio_tests {
    ($($name:ident)*) => {$(
        #[tokio::test]
        async fn $name() {
            use_it(line!() as usize).await;
        }
    )*};
}
tokio_tests!(tokio_test_a tokio_test_b tokio_test_c tokio_test_d tokio_test_e tokio_test_f tokio_test_g tokio_test_h);

#[test]
fn one_thread_may_enter_several_runtimes_in_turn() {
    let (a, b) = (current_thread(), current_thread());
    for i in 0..50 {
        a.block_on(use_it(i));
        b.block_on(use_it(i));
    }
    // What was begun on one, and not awaited there, must not hold up the other.
    let mut begun = Box::pin(Shared::get("runtimes:1"));
    a.block_on(async {
        // One thread, so the answer cannot be there yet.
        assert!(
            begun
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    });
    b.block_on(use_it(7));
    a.block_on(async { timeout(FOR_EVER, begun).await.expect("nothing hangs") })
        .unwrap();
}

#[test]
fn a_future_begun_on_a_runtime_that_ends_is_finished_on_the_next() {
    for flavor in [current_thread as fn() -> Runtime, || multi_thread(2)] {
        let mut begun = Box::pin(Shared::get("runtimes:moved"));
        let first = flavor();
        let is_answered = first.block_on(async {
            use_it(3).await;
            // With several threads, the answer may be there already.
            begun
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        });
        drop(first);
        if !is_answered {
            let value = flavor().block_on(async { timeout(FOR_EVER, begun).await.expect("nothing hangs") });
            value.unwrap();
        }
    }
}

#[test]
fn a_runtime_inside_of_block_in_place_is_served_too() {
    multi_thread(2).block_on(async {
        let task = tokio::spawn(async {
            use_it(1).await;
            tokio::task::block_in_place(|| {
                current_thread().block_on(use_it(2));
            });
            use_it(3).await;
            let handle = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || handle.block_on(use_it(4)))
                .await
                .unwrap();
        });
        timeout(FOR_EVER, task).await.expect("nothing hangs").unwrap();
    });
}

/// `enter` gives a worker's thread the context of another runtime for a while; so do extensions of Tokio at each poll.
#[test]
fn a_worker_that_was_in_the_context_of_another_runtime_uses_its_own() {
    let (own, other) = (multi_thread(1), multi_thread(1));
    let handle = other.handle().clone();
    own.block_on(async {
        let task = tokio::spawn(async move {
            // The first thing that this thread does with the database.
            {
                let _guard = handle.enter();
                // Live or not: the other runtime has just been asked to connect, and may be quick.
                let _: bool = Shared::connection().is_live().unwrap();
            }
            use_it(5).await;
            // What it does from here on has nothing to do with the other runtime, whose only worker is busy.
            let (busy, done) = std::sync::mpsc::channel::<()>();
            handle.spawn(async move { done.recv() });
            for i in 6..20 {
                use_it(i).await;
            }
            drop(busy);
        });
        timeout(FOR_EVER, task).await.expect("nothing hangs").unwrap();
    });
    other.shutdown_background();
}

#[test]
fn a_runtime_shut_down_with_much_under_way_ends_and_leaves_nobody_waiting() {
    let runtime = multi_thread(2);
    let begun: Vec<_> = runtime.block_on(async {
        use_it(0).await;
        (0..1000)
            .filter_map(|i| {
                let mut get = Box::pin(Shared::get(format!("runtimes:{i}")));
                let is_answered = get
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_ready();
                tokio::spawn(async move {
                    let _ = Shared::get(format!("runtimes:{i}")).await;
                    let _ = Shared::set(format!("runtimes:late:{i}"), i).await;
                });
                (!is_answered).then_some(get)
            })
            .collect()
    });
    drop(runtime);
    current_thread().block_on(async {
        for get in begun {
            timeout(FOR_EVER, get).await.expect("nothing hangs").unwrap();
        }
    });
}

#[test]
fn a_dropped_client_closes_its_connection() {
    let server = RedisServer::start();
    current_thread().block_on(async {
        let client = Client::open(server.url()).unwrap();
        client.set("k", "v").await.unwrap();
        assert_eq!(server.clients().len(), 1);
        // What nobody waits for is still sent.
        let mut set = Box::pin(client.set("last", "words"));
        let _ = set.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop((set, client));
        let closed = async {
            while !server.clients().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(FOR_EVER, closed).await.expect("the connection is closed");
    });
    assert_eq!(server.ok(&["GET", "last"]).text(), "words");
}

#[test]
fn who_asks_again_and_again_keeps_nobody_from_running() {
    let server = RedisServer::builder().password("right").start();
    let client = Client::open(server.url_as("", "wrong")).unwrap();
    let asking = async { while client.get("k").await.is_err() {} };
    let asked = current_thread().block_on(async { timeout(Duration::from_millis(300), asking).await });
    assert!(asked.is_err(), "the password is still wrong");
}

#[test]
fn who_asks_again_and_again_keeps_no_runtime_from_ending() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    for _ in 0..30 {
        let runtime = multi_thread(2);
        for task in 0..50 {
            let client = client.clone();
            runtime.spawn(async move {
                loop {
                    let _ = client.get(format!("k{task}")).await;
                }
            });
        }
        runtime.block_on(client.get("k")).unwrap();
        drop(runtime);
    }
}

#[test]
fn what_goes_on_outside_of_a_runtime_is_an_error_at_worst() {
    let runtime = multi_thread(2);
    let context = runtime.enter();
    let mut sets = 0;
    let server = ScriptedServer::start(move |request| {
        request
            .handshake()
            .unwrap_or_else(|| match request.name().as_str() {
                "SET" => {
                    sets += 1;
                    if sets == 1 {
                        Answer::ok()
                    } else {
                        Answer::nothing().after(Duration::from_millis(50)).then_close()
                    }
                }
                _ => Answer::error("LOADING Redis is loading the dataset in memory")
                    .after(Duration::from_millis(50)),
            })
    });
    drop(context);
    let client = Client::open(server.url()).unwrap();
    runtime.block_on(client.set("k", 1)).unwrap();
    let polled = |poll: &mut (dyn FnMut(&mut Context<'_>) + Send)| {
        runtime.block_on(async { poll(&mut Context::from_waker(Waker::noop())) });
    };
    let mut get = client.get("k");
    polled(&mut |cx| assert!(Pin::new(&mut get).poll(cx).is_pending()));
    let error = thread::spawn(move || block_on(get)).join().unwrap().unwrap_err();
    assert!(
        matches!(&error, Error::Redis(error) if error.code() == Some("LOADING")),
        "{error}"
    );
    let mut set = client.set("k", 2);
    polled(&mut |cx| assert!(Pin::new(&mut set).poll(cx).is_pending()));
    let error = thread::spawn(move || block_on(set)).join().unwrap().unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
}

#[test]
fn threads_in_the_context_of_a_runtime_that_ends_get_errors() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    for round in 0..20 {
        let runtime = multi_thread(1 + round % 2);
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let (handle, client) = (runtime.handle().clone(), client.clone());
                thread::spawn(move || {
                    let _context = handle.enter();
                    for n in 0..500 {
                        let _ = block_on(client.get(format!("k{i}")));
                        if block_on(client.set(format!("k{i}"), n)).is_err() {
                            break;
                        }
                    }
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(5));
        drop(runtime);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn a_connection_of_ones_own_keeps_its_deadline_where_another_runtime_ends() {
    let server = RedisServer::start();
    let builder = Client::builder(Source::url(server.url()).unwrap());
    let client = builder.command_timeout(Duration::from_millis(300)).build();
    let (its, other) = (multi_thread(1), multi_thread(1));
    let mut connection = its.block_on(client.dedicated()).unwrap();
    server.ok(&["CLIENT", "PAUSE", "60000"]);
    let (begun, has_begun) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    other.spawn_blocking(move || {
        let here = Handle::current();
        let mut get: RedisFuture<'_, Value> = connection.get("k");
        assert!(here.block_on(async { get.as_mut().now_or_never() }).is_none());
        begun.send(()).unwrap();
        done.send(here.block_on(get)).unwrap();
    });
    has_begun.recv_timeout(FOR_EVER).unwrap();
    other.shutdown_background();
    let error = is_done.recv_timeout(FOR_EVER).expect("it ends").unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

/// Has threads in the context of a runtime ask for connections of their own, and ends the runtime once `is_time`.
fn connections_apart_end_with_their_runtime(client: &Client, is_time: impl FnOnce()) {
    let runtime = multi_thread(2);
    runtime.block_on(async { client.get("warm").await.unwrap() });
    let ask: [fn(&Client) -> Option<Error>; 3] = [
        |client| block_on(client.dedicated()).err(),
        |client| block_on(client.pubsub()).err(),
        |client| {
            let popped: RedisResult<Value> = block_on(client.connection().blpop("list", 0.0));
            popped.err().map(Error::from)
        },
    ];
    let threads = ask.map(|ask| {
        let (handle, client) = (runtime.handle().clone(), client.clone());
        thread::spawn(move || {
            let _context = handle.enter();
            ask(&client)
        })
    });
    is_time();
    runtime.shutdown_background();
    for thread in threads {
        let error = thread.join().unwrap().expect("there is no connection");
        assert!(
            matches!(&error, Error::NotExecuted(NotExecuted::Connect(cause)) if matches!(**cause, ConnectError::RuntimeEnded)),
            "{error}"
        );
    }
}

/// Serves its first connection, and answers whatever the others say first like this.
fn serves_one(others: Answer) -> ScriptedServer {
    ScriptedServer::start(move |request| match request.handshake() {
        Some(answer) if request.connection == 0 => answer,
        None => Answer::raw("$-1\r\n"),
        Some(_) => others.clone(),
    })
}

#[test]
fn who_waits_for_a_connection_of_their_own_gets_an_error_where_the_runtime_ends() {
    let elsewhere = multi_thread(1);
    let _context = elsewhere.enter();
    let server = serves_one(Answer::nothing());
    let client = Client::open(server.url()).unwrap();
    connections_apart_end_with_their_runtime(&client, || {
        elsewhere.block_on(server.until(|seen| seen.open == 4));
    });
}

#[test]
fn who_waits_to_try_again_gets_an_error_where_the_runtime_ends() {
    let elsewhere = multi_thread(1);
    let _context = elsewhere.enter();
    let server = serves_one(Answer::nothing().then_close());
    let client = Client::open(server.url()).unwrap();
    connections_apart_end_with_their_runtime(&client, || {
        elsewhere.block_on(server.until(|seen| seen.dials.count() >= 4 && seen.open == 1));
    });
}

#[test]
fn who_waits_for_a_turn_gets_an_error_where_the_runtime_ends() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let elsewhere = multi_thread(1);
    for _ in 0..64 {
        let mut connection = client.connection();
        elsewhere.spawn(async move { connection.blpop::<_, Value>("list", 0.0).await });
    }
    while server.info("clients")["blocked_clients"] != "64" {
        thread::sleep(Duration::from_millis(1));
    }
    for patience in 0..5 {
        let runtime = multi_thread(2);
        let (handle, client) = (runtime.handle().clone(), client.clone());
        let waiting = thread::spawn(move || {
            let _context = handle.enter();
            let popped: RedisResult<Value> = block_on(client.connection().blpop("list", 60.0));
            Error::from(popped.unwrap_err())
        });
        thread::sleep(Duration::from_millis(patience));
        runtime.shutdown_background();
        let error = waiting.join().unwrap();
        assert!(matches!(error, Error::NotExecuted(_)), "{error}");
    }
}

#[test]
fn what_has_a_connection_of_its_own_is_an_error_outside_of_a_runtime() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let runtime = multi_thread(1);
    let mut own = runtime.block_on(client.dedicated()).unwrap();
    let mut conn = client.connection();
    let outcomes: [RedisResult<Value>; 3] = [
        block_on(own.get("k")),
        block_on(pipe().get("k").query_async(&mut own)),
        block_on(conn.blpop("l", 1.0)),
    ];
    for outcome in outcomes {
        let error = outcome.unwrap_err();
        assert!(matches!(Error::inside(&error), Some(Error::NoRuntime)), "{error}");
    }
    let value: Option<String> = runtime.block_on(own.get("k")).unwrap();
    assert_eq!(value, None, "and the connection is as good as before");
}

#[test]
fn a_command_that_blocks_ends_with_its_refusal_outside_of_a_runtime() {
    let runtime = multi_thread(1);
    let context = runtime.enter();
    let server = ScriptedServer::start(|request| {
        request
            .handshake()
            .unwrap_or_else(|| Answer::error("LOADING Redis is loading the dataset in memory"))
    });
    drop(context);
    let client = Client::open(server.url()).unwrap();
    let mut conn = client.connection();
    let mut pop: RedisFuture<'_, Value> = Box::pin(conn.blpop("l", 1.0));
    // Until it is sent: what it needs of the runtime is there.
    runtime.block_on(async {
        while !server
            .seen()
            .requests
            .iter()
            .any(|request| request.name() == "BLPOP")
        {
            assert!(
                pop.as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
            tokio::task::yield_now().await;
        }
    });
    let error = block_on(pop).unwrap_err();
    assert_eq!(error.code(), Some("LOADING"), "{error}");
}
