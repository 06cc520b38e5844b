//! A server that stands still for a while, with many callers waiting.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redis::aio::ConnectionLike;
use redis::{AsyncCommands, Cmd, cmd};
use swapplex::{Client, Error, NoReply, NotExecuted};
use swapplex_tests::{RedisServer, memory};
use tokio::time::{Instant, timeout};

/// So many at the same time.
const COMMANDS: usize = 10_000;
/// Bytes of each value that is pushed: all of them together are thirteen times the budget.
const VALUE: usize = 64 * 1024;
/// What requests and expected replies may take, by default.
const BUDGET: u64 = 16 << 20;
/// What ten thousand tasks and all else may take beside the budget.
const BESIDE: u64 = 64 << 20;
/// How late an end may come, on a machine with other work.
const LATE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Read,
    Count,
    Push,
}

/// How one command ended, and after how long.
struct Ended {
    kind: Kind,
    outcome: Result<(), Error>,
    after: Duration,
}

/// One of a mix of commands, of which a third reads.
async fn one(client: Client, number: usize, push: Arc<Cmd>, polled: Arc<AtomicUsize>) -> Ended {
    let began = Instant::now();
    let key = format!("key:{}", number % 100);
    let mut connection = client.connection();
    let kind = [Kind::Read, Kind::Count, Kind::Push][number % 3];
    let mut call = Box::pin(async {
        match kind {
            Kind::Read => client.get(key).await.map(drop),
            Kind::Count => connection.incr::<_, _, ()>("count", 1).await.map_err(Error::from),
            Kind::Push => {
                let answer = connection.req_packed_command(&push).await;
                answer.map(drop).map_err(Error::from)
            }
        }
    });
    let mut is_first = true;
    let outcome = std::future::poll_fn(|cx| {
        let poll = call.as_mut().poll(cx);
        if std::mem::take(&mut is_first) {
            polled.fetch_add(1, Ordering::Relaxed);
        }
        poll
    })
    .await;
    Ended {
        kind,
        outcome,
        after: began.elapsed(),
    }
}

// Alone in its binary, since it looks at the memory of the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_paused_for_ten_seconds_costs_no_memory_and_every_command_ends_in_time() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    // One for all, so that callers hold no copies.
    let push = Arc::new(cmd("RPUSH").arg("list").arg(vec![b'x'; VALUE]).to_owned());
    client.set("warm", 1).await.unwrap();
    let before = memory::resident().unwrap_or_default();

    let paused = Instant::now();
    server.pause();
    let begun = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..COMMANDS)
        .map(|number| tokio::spawn(one(client.clone(), number, Arc::clone(&push), Arc::clone(&begun))))
        .collect();
    while begun.load(Ordering::Relaxed) < COMMANDS {
        tokio::task::yield_now().await;
    }
    let mut most = memory::resident().unwrap_or_default();
    let (mut reads_late, mut unknown, mut unsent, mut unknown_counts) = (0, 0, 0, 0);
    for task in tasks {
        let ended = timeout(Duration::from_secs(30), task)
            .await
            .expect("it ends")
            .unwrap();
        let limit = Duration::from_secs(5);
        assert!(ended.after >= limit / 2, "not before its time: {:?}", ended.after);
        assert!(ended.after <= limit + LATE, "{:?}", ended.after);
        match ended.outcome {
            Err(Error::Timeout { .. }) if ended.kind == Kind::Read => reads_late += 1,
            Err(Error::OutcomeUnknown {
                cause: NoReply::Timeout,
                ..
            }) if ended.kind != Kind::Read => {
                unknown += 1;
                unknown_counts += usize::from(ended.kind == Kind::Count);
            }
            Err(Error::NotExecuted(NotExecuted::Timeout)) => unsent += 1,
            outcome => panic!("{outcome:?} of a {:?}", ended.kind),
        }
        most = most.max(memory::resident().unwrap_or_default());
    }
    assert_eq!(reads_late + unknown + unsent, COMMANDS);

    // While it is paused all the same, others come and get the same.
    let error = client.set("late", 1).await.unwrap_err();
    assert!(
        matches!(error, Error::OutcomeUnknown { .. } | Error::NotExecuted(_)),
        "{error}"
    );
    tokio::time::sleep_until(paused + Duration::from_secs(10)).await;
    most = most.max(memory::resident().unwrap_or_default());
    server.resume();

    let grown = most.saturating_sub(before);
    println!(
        "memory +{} KiB at most; {reads_late} reads late, {unknown} unknown, {unsent} not executed",
        grown >> 10
    );
    assert!(grown <= BUDGET + BESIDE, "{grown}");

    // All is well after: every reply is the right one's.
    let sets = (0..1000).map(|i| client.set(format!("after:{i}"), i));
    for outcome in futures_util::future::join_all(sets).await {
        outcome.unwrap();
    }
    let gets = (0..1000).map(|i| client.get(format!("after:{i}")));
    for (i, value) in futures_util::future::join_all(gets).await.into_iter().enumerate() {
        assert_eq!(value.unwrap().expect("just set"), i.to_string());
    }
    // Nothing was executed twice, and nothing that was said not to be.
    let counted: Option<usize> = client.connection().get("count").await.unwrap();
    assert!(
        counted.unwrap_or(0) <= unknown_counts,
        "{counted:?} of {unknown_counts}"
    );
}
