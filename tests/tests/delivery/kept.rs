//! Futures that are kept and not polled for a while, as in a `buffered` stream whose consumer is busy: nobody else waits.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::thread;
use std::time::Duration;

use redis::RedisResult;
use swapplex::config::Source;
use swapplex::{Client, Stats};
use swapplex_tests::{Answer, ScriptedServer, Seen};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::interval;

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Polls them until that is so, and then no more.
async fn poll_until<T>(
    futures: &mut [Pin<&mut (impl Future<Output = T> + ?Sized)>],
    is_so: impl Fn() -> bool,
) {
    let mut look = interval(Duration::from_millis(1));
    poll_fn(|cx| {
        if is_so() {
            return Poll::Ready(());
        }
        for future in futures.iter_mut() {
            assert!(future.as_mut().poll(cx).is_pending(), "it is answered too early");
        }
        while look.poll_tick(cx).is_ready() {}
        Poll::Pending
    })
    .await;
}

/// Two requests under way at two losses in a row, of which one is polled until `is_kept` says so, and the other one
/// afterwards: its answer.
async fn answer_beside_one_that_is_kept(
    name: &'static str,
    is_kept: impl Fn(&Seen, Stats) -> bool,
) -> RedisResult<String> {
    let mut asked = [0; 2];
    let server = ScriptedServer::start(move |request| {
        let handshake = request.handshake();
        match asked.get_mut(request.connection) {
            // What suspects share, or have alone, is long in coming.
            None if request.connection == 3 && request.name() == "HELLO" => {
                handshake.expect("it is one").after(Duration::from_millis(100))
            }
            None => handshake.unwrap_or_else(|| match name {
                "GET" => Answer::bulk("v"),
                _ => Answer::ok(),
            }),
            Some(asked) => handshake.unwrap_or_else(|| {
                *asked += 1;
                match *asked {
                    2 => Answer::nothing().then_close(),
                    _ => Answer::nothing(),
                }
            }),
        }
    });
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .command_timeout(Duration::from_secs(4))
        .build();
    client.ready().await.unwrap();
    let ask = |key: &'static str| {
        let mut connection = client.connection();
        let mut command = redis::cmd(name);
        command.arg(key);
        if name == "SET" {
            command.arg("v");
        }
        async move { command.query_async(&mut connection).await }
    };
    let (mut kept, mut other) = (pin!(ask("kept")), pin!(ask("other")));
    let is_lost_again = || {
        let seen = server.seen();
        let second = seen.requests.iter().filter(|request| request.connection == 1);
        second.filter(|request| request.name() == name).count() == 2
    };
    poll_until(&mut [kept.as_mut(), other.as_mut()], is_lost_again).await;
    poll_until(&mut [kept.as_mut()], || is_kept(&server.seen(), client.stats())).await;
    other.await
}

/// It makes the connection for suspects, which is long in coming.
fn connects(seen: &Seen, _: Stats) -> bool {
    seen.dials.times().len() == 4
}

#[tokio::test]
async fn a_read_that_connects_for_the_suspects_keeps_no_other_waiting() {
    let answer = answer_beside_one_that_is_kept("GET", connects).await;
    assert_eq!(answer, Ok("v".into()));
}

#[tokio::test]
async fn a_write_that_has_its_turn_keeps_no_other_waiting() {
    let answer = answer_beside_one_that_is_kept("SET", connects).await;
    assert_eq!(answer, Ok("OK".into()));
}

#[tokio::test]
async fn a_read_that_is_sent_with_the_suspects_keeps_no_other_waiting() {
    let answer = answer_beside_one_that_is_kept("GET", |_, stats| stats.dedicated == 1).await;
    assert_eq!(answer, Ok("v".into()));
}

#[test]
fn a_runtime_that_does_not_run_serves_no_suspects_of_another() {
    let servers = current_thread();
    let mut asked: HashMap<String, u32> = HashMap::new();
    let server = {
        let _servers = servers.enter();
        // Each request loses two connections; the first one's is not answered on the third either.
        ScriptedServer::start(move |request| {
            request.handshake().unwrap_or_else(|| {
                let key = request.argument(1);
                let asked = asked.entry(key.clone()).or_default();
                *asked += 1;
                match (*asked, key.as_str()) {
                    (1 | 2, _) => Answer::nothing().then_close(),
                    (_, "first") => Answer::nothing(),
                    _ => Answer::bulk("v"),
                }
            })
        })
    };
    let client = Client::builder(Source::url(server.url()).unwrap())
        .reconnect_debounce(Duration::ZERO, Duration::ZERO)
        .command_timeout(Duration::from_secs(4))
        .build();
    let seen = server.until(|seen| {
        seen.requests
            .iter()
            .filter(|request| request.name() == "GET")
            .count()
            == 3
    });
    let (stop, stopped) = oneshot::channel::<()>();
    thread::scope(|scope| {
        scope.spawn(|| servers.block_on(stopped));
        let kept = current_thread();
        kept.spawn(client.get("first"));
        kept.block_on(seen);
        // From here on, `kept` does not run.
        let answer = current_thread().block_on(client.get("second"));
        drop(stop);
        assert_eq!(answer.unwrap().as_deref(), Some(&b"v"[..]));
    });
}
