//! One task that asks for many things in one poll: each gets its answer, and nobody is held up by that.

use std::convert::Infallible;
use std::future::{self, Future};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use redis::{AsyncCommands, RedisResult};
use swapplex::config::Source;
use swapplex::{Client, Error, NotExecuted};
use swapplex_tests::{Answer, RedisServer, Reply, Request, ScriptedServer};
use tokio::runtime;
use tokio::sync::oneshot;

/// More than one outbox takes, so that one is closed for being full while its task asks for more.
const MANY: usize = 600;
/// As many as the first outbox takes, where nothing is under way.
const FIRST: usize = 192;
/// As many as any other takes.
const FULL: usize = 512;
/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(30);

type Requests<T> = Vec<Pin<Box<dyn Future<Output = T> + Send>>>;

async fn connected() -> (RedisServer, Client) {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    client.set("warm", "up").await.unwrap();
    (server, client)
}

fn gets(client: &Client, count: usize) -> Requests<bool> {
    (0..count)
        .map(|_| {
            let get = client.get("warm");
            Box::pin(async move { get.await.unwrap().as_deref() == Some(b"up") }) as Pin<Box<_>>
        })
        .collect()
}

/// Polls each of them once.
fn ask<T>(requests: &mut Requests<T>, cx: &mut Context<'_>) {
    for request in requests {
        assert!(request.as_mut().poll(cx).is_pending());
    }
}

/// Blocks its thread until that is so.
fn block_until(is_so: impl Fn() -> bool) -> bool {
    let limit = Instant::now() + FOR_EVER;
    while Instant::now() < limit {
        if is_so() {
            return true;
        }
        thread::sleep(Duration::from_millis(1));
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_asks_for_thousands_at_once_gets_each_value() {
    const KEYS: usize = 20_000;
    let (_server, client) = connected().await;
    let pairs = (0..KEYS).map(|i| (format!("k{i}"), i));
    client.set_many(pairs).await.unwrap();
    for _ in 0..5 {
        let client = client.clone();
        let asks = async move {
            let values = join_all((0..KEYS).map(|i| client.get(format!("k{i}")))).await;
            for (i, value) in values.into_iter().enumerate() {
                assert_eq!(value.unwrap().as_deref(), Some(i.to_string().as_bytes()));
            }
        };
        tokio::spawn(asks).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_taken_in_although_the_task_that_asked_is_still_being_polled() {
    let (_server, client) = connected().await;
    let asks = async move {
        let mut gets = gets(&client, MANY);
        let answered = client.stats().requests;
        let are_in = future::poll_fn(|cx| {
            ask(&mut gets, cx);
            Poll::Ready(block_until(|| client.stats().requests >= answered + FIRST as u64))
        });
        assert!(are_in.await, "the answers stay where they are");
        assert!(join_all(gets).await.into_iter().all(|is_right| is_right));
    };
    tokio::spawn(asks).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_task_does_not_wait_for_one_that_asks() {
    let (_server, client) = connected().await;
    let has_asked = Arc::new(AtomicBool::new(false));
    let is_answered = Arc::new(AtomicBool::new(false));
    let (asking, asked, answered) = (client.clone(), Arc::clone(&has_asked), Arc::clone(&is_answered));
    let asks = tokio::spawn(async move {
        let mut gets = gets(&asking, MANY);
        let was_answered = future::poll_fn(|cx| {
            ask(&mut gets, cx);
            asked.store(true, Ordering::Release);
            Poll::Ready(block_until(|| answered.load(Ordering::Acquire)))
        });
        assert!(was_answered.await, "the other task is held up");
        assert!(join_all(gets).await.into_iter().all(|is_right| is_right));
    });
    // On this thread, which is none of the two workers.
    assert!(block_until(|| has_asked.load(Ordering::Acquire)));
    client.get("warm").await.unwrap();
    is_answered.store(true, Ordering::Release);
    asks.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_the_connection_was_lost_is_told_to_the_task_that_asked() {
    let (server, client) = connected().await;
    let asks = async move {
        let connection = client.connection();
        let mut increments: Requests<RedisResult<usize>> = (0..MANY)
            .map(|_| {
                let mut connection = connection.clone();
                Box::pin(async move { connection.incr("counter", 1).await }) as Pin<Box<_>>
            })
            .collect();
        let executed = || match server.command(&["GET", "counter"]) {
            Reply::Bulk(count) => String::from_utf8(count).unwrap().parse().unwrap(),
            _ => 0_usize,
        };
        let before_the_loss = future::poll_fn(|cx| {
            ask(&mut increments, cx);
            // Some may have travelled alone, before the others were about.
            assert!(block_until(|| executed() > FIRST));
            let executed = executed();
            server.kill_clients();
            Poll::Ready(executed)
        });
        let before_the_loss = before_the_loss.await;
        let mut counts: Vec<usize> = join_all(increments).await.into_iter().flatten().collect();
        counts.sort_unstable();
        counts.truncate(before_the_loss);
        assert!(counts.into_iter().eq(1..=before_the_loss));
    };
    tokio::spawn(asks).await.unwrap();
}

/// A server that answers when it was asked so many times, and then answers all.
fn server_that_counts_to(many: usize) -> ScriptedServer {
    let mut asked = 0;
    ScriptedServer::start(move |request| {
        request.handshake().unwrap_or_else(|| {
            asked += 1;
            if asked < many {
                Answer::nothing()
            } else {
                Answer::raw(":1\r\n".repeat(many))
            }
        })
    })
}

#[tokio::test]
async fn what_travels_alone_waits_for_no_answers_of_others() {
    let server = server_that_counts_to(MANY);
    let client = Client::open(server.url()).unwrap();
    client.ready().await.unwrap();
    let patient = client.connection().command_timeout(FOR_EVER);
    let increments = (0..MANY).map(|_| {
        let mut connection = patient.clone();
        async move { connection.incr("counter", 1).await }
    });
    let counts: Vec<RedisResult<i64>> = join_all(increments).await;
    assert!(counts.into_iter().all(|count| count == Ok(1)));
}

#[tokio::test]
async fn what_is_asked_at_once_on_a_connection_of_ones_own_waits_for_no_answers() {
    let server = server_that_counts_to(MANY);
    let client = Client::open(server.url()).unwrap();
    let own = client.dedicated().await.unwrap();
    let increments = (0..MANY).map(|_| {
        let mut own = own.clone();
        async move { own.incr("counter", 1).await }
    });
    let counts: Vec<RedisResult<i64>> = join_all(increments).await;
    assert!(counts.into_iter().all(|count| count == Ok(1)));
}

// On one thread: another one might close an outbox early, before it is full.
#[tokio::test]
async fn the_few_behind_full_outboxes_do_not_wait_for_answers() {
    // On a real network that would cost a round trip.
    // The very first request goes alone.
    for many in [1 + FIRST + 20, 1 + FIRST + FULL + 20] {
        let server = server_that_counts_to(many);
        let client = Client::open(server.url()).unwrap();
        client.ready().await.unwrap();
        let asks = async move {
            let increments = (0..many).map(|_| {
                let mut connection = client.connection();
                async move { connection.incr("counter", 1).await }
            });
            join_all(increments).await
        };
        let counts: Vec<RedisResult<i64>> = tokio::spawn(asks).await.unwrap();
        assert!(counts.into_iter().all(|count| count == Ok(1)));
    }
}

/// What another task gets that took over a request, whose first task blocks its thread with the outbox still open;
/// `meanwhile` runs beside it.
async fn answer_beside_a_blocked_thread(
    client: &Client,
    meanwhile: impl Future<Output = Infallible>,
) -> Result<Option<Bytes>, Error> {
    // So that the next one expects company, and does not go alone.
    join_all((0..64).map(|i| client.get(i.to_string()))).await;
    let (sender, receiver) = oneshot::channel();
    let is_answered = Arc::new(AtomicBool::new(false));
    let (asking, answered) = (client.clone(), Arc::clone(&is_answered));
    let blocks = tokio::spawn(async move {
        let mut get = Box::pin(asking.get("warm"));
        let is_answered = future::poll_fn(|cx| Poll::Ready(get.as_mut().poll(cx).is_ready())).await;
        assert!(!is_answered);
        assert!(sender.send(get).is_ok());
        assert!(block_until(|| answered.load(Ordering::Acquire)), "nobody is told");
    });
    let get = receiver.await.unwrap();
    let answer = tokio::select! {
        answer = get => answer,
        never = meanwhile => match never {},
    };
    is_answered.store(true, Ordering::Release);
    blocks.await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_travels_with_those_of_others_where_the_thread_that_asked_is_blocked() {
    let (_server, client) = connected().await;
    let others = async {
        loop {
            assert_eq!(client.get("others").await.unwrap(), None);
        }
    };
    let answer = answer_beside_a_blocked_thread(&client, others).await;
    assert_eq!(answer.unwrap().as_deref(), Some(&b"up"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_on_the_next_connection_where_the_thread_that_asked_is_blocked() {
    let (server, client) = connected().await;
    let loss = async {
        assert!(server.kill_clients() > 0);
        future::pending().await
    };
    let answer = answer_beside_a_blocked_thread(&client, loss).await;
    assert_eq!(answer.unwrap().as_deref(), Some(&b"up"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_sent_by_itself_where_the_thread_that_asked_is_blocked() {
    let server = RedisServer::start();
    // Nobody is given up on: the driver would come by for that.
    let settings = Client::builder(Source::url(server.url()).unwrap());
    let client = settings.command_timeout(2 * FOR_EVER).build();
    client.set("warm", "up").await.unwrap();
    // Of two workers, the one that sleeps is not always the one that is told of sockets and timers.
    let wakes_workers = async {
        loop {
            tokio::spawn(future::ready(())).await.unwrap();
            thread::sleep(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    };
    let answer = answer_beside_a_blocked_thread(&client, wakes_workers).await;
    assert_eq!(answer.unwrap().as_deref(), Some(&b"up"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_beyond_the_deadline_where_the_thread_that_asked_is_blocked() {
    let server = RedisServer::start();
    let client = Client::builder(Source::url(server.url()).unwrap())
        .command_timeout(Duration::from_millis(300))
        .build();
    client.set("warm", "up").await.unwrap();
    let answer = answer_beside_a_blocked_thread(&client, future::pending()).await;
    // It is sent late, or too late.
    match answer {
        Ok(value) => assert_eq!(value.as_deref(), Some(&b"up"[..])),
        Err(error) => assert!(
            matches!(error, Error::NotExecuted(NotExecuted::Timeout)),
            "{error:?}"
        ),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_are_here_do_not_wait_for_a_thread_that_is_blocked() {
    let server = RedisServer::start();
    // Nobody is given up on: the driver would come by for that.
    let settings = Client::builder(Source::url(server.url()).unwrap());
    let client = settings.command_timeout(2 * FOR_EVER).build();
    client.set("warm", "up").await.unwrap();
    for _ in 0..200 {
        let asked = client.stats().requests;
        let missing = Arc::new(AtomicUsize::new(64));
        let (watched, waited_for) = (client.clone(), Arc::clone(&missing));
        // Looks all the time, so that it is ready to run where the answers are read, and then lets nothing run there.
        let blocks = tokio::spawn(async move {
            while watched.stats().requests == asked {
                tokio::task::yield_now().await;
            }
            let is_over = || waited_for.load(Ordering::Acquire) == 0;
            assert!(block_until(is_over), "nobody is told");
        });
        let gets = (0..missing.load(Ordering::Relaxed)).map(|_| {
            let (client, missing) = (client.clone(), Arc::clone(&missing));
            tokio::spawn(async move {
                assert_eq!(client.get("warm").await.unwrap().as_deref(), Some(&b"up"[..]));
                missing.fetch_sub(1, Ordering::Release);
            })
        });
        let tasks: Vec<_> = gets.chain([blocks]).collect();
        // Of two workers, the one that sleeps is not always the one that is told of what a socket receives.
        block_until(|| {
            tokio::spawn(future::ready(()));
            missing.load(Ordering::Acquire) == 0
        });
        for task in tasks {
            task.await.unwrap();
        }
    }
}

/// Answers nothing to the first `count - 1` requests, and to the last one for all of them.
fn answering_together(count: usize) -> ScriptedServer {
    let mut asked = 0;
    ScriptedServer::start(move |request| {
        request.handshake().unwrap_or_else(|| {
            asked += 1;
            if asked < count {
                Answer::nothing()
            } else {
                // Workers are asleep by then.
                Answer::raw(":1\r\n".repeat(count)).after(Duration::from_millis(30))
            }
        })
    })
}

#[test]
fn a_crowd_does_not_wait_for_who_was_answered_with_it_and_blocks_the_thread() {
    let threads = |count| {
        let mut builder = runtime::Builder::new_multi_thread();
        builder.worker_threads(count).enable_all().build().unwrap()
    };
    let servers = threads(1);
    for _ in 0..10 {
        let server = {
            let _entered = servers.enter();
            answering_together(65)
        };
        let workers = threads(2);
        let client = Client::open(server.url()).unwrap();
        workers.block_on(client.ready()).unwrap();
        let missing = Arc::new(AtomicUsize::new(64));
        let ask = |client: &Client| {
            let mut connection = client.connection();
            async move { connection.incr::<_, _, i64>("counter", 1).await.unwrap() }
        };
        let (asks, waited_for) = (ask(&client), Arc::clone(&missing));
        let blocks = workers.spawn(async move {
            asks.await;
            let is_over = || waited_for.load(Ordering::Acquire) == 0;
            assert!(block_until(is_over), "nobody is told");
        });
        // It goes first, alone; and they in one outbox, each awaited by a task of its own.
        let is_sent = |request: &Request| request.name() == "INCRBY";
        assert!(block_until(|| server.seen().requests.iter().any(is_sent)));
        let mut asks: Vec<_> = (0..64).map(|_| Box::pin(ask(&client))).collect();
        let (held, is_held) = mpsc::channel();
        let (release, is_released) = mpsc::channel();
        // So that the other worker does not close it meanwhile.
        workers.spawn(async move {
            held.send(()).unwrap();
            is_released.recv_timeout(FOR_EVER).unwrap();
        });
        is_held.recv_timeout(FOR_EVER).unwrap();
        let crowd = workers.spawn(async move {
            let mut cx = Context::from_waker(Waker::noop());
            assert!(
                asks.iter_mut()
                    .all(|asks| asks.as_mut().poll(&mut cx).is_pending())
            );
            release.send(()).unwrap();
            let tasks = asks.into_iter().map(|asks| {
                let missing = Arc::clone(&missing);
                tokio::spawn(async move {
                    asks.await;
                    missing.fetch_sub(1, Ordering::Release);
                })
            });
            tasks.collect::<Vec<_>>()
        });
        workers.block_on(async {
            for task in crowd.await.unwrap().into_iter().chain([blocks]) {
                task.await.unwrap();
            }
        });
    }
}
