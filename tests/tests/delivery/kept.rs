//! Futures that are kept and not polled for a while, as in a `buffered` stream whose consumer is busy: nobody else waits.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use redis::RedisResult;
use swapplex::config::Source;
use swapplex::{Client, Stats};
use swapplex_tests::{Answer, ScriptedServer, Seen};
use tokio::time::interval;

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

#[tokio::test]
async fn a_read_that_connects_for_the_suspects_keeps_no_other_waiting() {
    let connects = |seen: &Seen, _| seen.dials.times().len() == 4;
    assert_eq!(
        answer_beside_one_that_is_kept("GET", connects).await,
        Ok("v".into())
    );
}

#[tokio::test]
async fn a_read_that_is_sent_with_the_suspects_keeps_no_other_waiting() {
    let is_sent = |_: &Seen, stats: Stats| stats.dedicated == 1;
    assert_eq!(
        answer_beside_one_that_is_kept("GET", is_sent).await,
        Ok("v".into())
    );
}

#[tokio::test]
async fn a_write_that_has_its_turn_keeps_no_other_waiting() {
    let connects = |seen: &Seen, _| seen.dials.times().len() == 4;
    assert_eq!(
        answer_beside_one_that_is_kept("SET", connects).await,
        Ok("OK".into())
    );
}
