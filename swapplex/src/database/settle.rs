//! The end of a runtime, or of a client: what its connections have under way is answered before they are closed.

use std::future::pending;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;

use futures_util::future::join_all;
use redis::FromRedisValue;
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

use super::apart::{answer, post, submit};
use super::line::{Blockable, Line, Of};
use super::plain::Plain;
use super::request::{Finish, Request};
use super::shared::Shared;
use crate::multiplex::Connection;
use crate::runtime::{Settle, at_end, within};
use crate::sync::lock;

/// How long connections may take to close once nothing is under way on them, or their time is up.
const GRACE: Duration = Duration::from_millis(500);
/// How often a command that blocks is told not to wait any more: the first time, it may not have reached the server yet,
/// since it travels on another connection.
const UNBLOCKS: usize = 5;
const UNBLOCK_PAUSE: Duration = Duration::from_millis(50);

/// A database was closed before every request was answered.
///
/// Those requests end with the errors that a lost connection leads to: they say what was executed, as far as that is
/// known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "closed while {requests} {} without an answer",
    if *.requests == 1 { "request was" } else { "requests were" }
)]
#[non_exhaustive]
pub struct Unsettled {
    /// How many requests had no answer.
    pub requests: usize,
}

/// Has lines settled when their runtime ends, if that is one of ours.
pub(super) fn at_end_of_runtimes() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| at_end(Settle { settle, unsettled }));
}

fn settle(runtime: &Handle) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let lines = Line::all(Of::Runtime(runtime.id()));
    Box::pin(async move { end(&lines, None).await })
}

fn unsettled(runtime: runtime::Id) -> usize {
    Line::all(Of::Runtime(runtime))
        .iter()
        .map(|line| line.waiting())
        .sum()
}

/// Settles and closes all connections of a database, and lets none be made on the runtimes that it was used on.
///
/// # Errors
///
/// Where requests were without an answer when the time was up.
pub(crate) async fn close(shared: Arc<Shared>) -> Result<(), Unsettled> {
    // First, so that what is being connected either finds itself closed or is found here.
    shared.shut();
    let lines = Line::all(Of::Database(shared.id));
    if lines.is_empty() {
        return Ok(());
    }
    let patience = shared.settings().command_timeout;
    // By a clock that runs outside of runtimes too, and on one that stands still.
    let limit = std::time::Instant::now() + patience + GRACE;
    let _ = within(limit, end(&lines, Some(Instant::now() + patience))).await;
    match lines.iter().map(|line| line.waiting()).sum() {
        0 => Ok(()),
        requests => Err(Unsettled { requests }),
    }
}

async fn end(lines: &[Arc<Line>], limit: Option<Instant>) {
    let (blocking, others): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.blockable().is_some());
    // Those that commands block on come first: what ends their wait travels on the others. They are asked before that, so
    // that who is answered can't begin to wait again.
    ask(&blocking, limit);
    // They end also where nobody waits for that any more.
    let asking = Asking(&others, limit);
    tokio::select! {
        biased;
        () = ended(&blocking) => {}
        () = unblock(&blocking) => {}
    }
    drop(asking);
    ended(&others).await;
    ended(&blocking).await;
}

/// Asks lines to end when it is dropped, however that comes about.
struct Asking<'a>(&'a [&'a Arc<Line>], Option<Instant>);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        ask(self.0, self.1);
    }
}

/// Asks all at once, so that a slow server does not take the others' time.
fn ask(lines: &[&Arc<Line>], limit: Option<Instant>) {
    for line in lines {
        line.ask(limit);
    }
}

/// Waits until all have ended, but for those that have nothing under way and take their time all the same: nobody may be
/// driving their runtime, as with one that is only ever used to block on.
async fn ended(lines: &[&Arc<Line>]) {
    let all = join_all(lines.iter().map(|line| line.ended()));
    if within(std::time::Instant::now() + GRACE, all).await.is_some() {
        return;
    }
    for line in lines {
        if !line.is_settled() {
            line.ended().await;
        }
    }
}

/// Has commands that block answered as if their time were up: they could wait for ever, and cutting them off could lose
/// what they are just being given.
async fn unblock(lines: &[&Arc<Line>]) {
    let blocked = Mutex::new(Vec::new());
    let find = async {
        let all = lines.iter().filter_map(|line| Blocked::on(line));
        join_all(all.map(async |one| {
            if one.is_within_reach().await {
                one.tell();
                lock(&blocked).push(one);
            }
        }))
        .await;
        if !lock(&blocked).is_empty() {
            pending::<()>().await;
        }
    };
    let tell_again = async {
        for _ in 0..UNBLOCKS {
            within(std::time::Instant::now() + UNBLOCK_PAUSE, pending::<()>()).await;
            lock(&blocked).iter().for_each(Blocked::tell);
        }
    };
    tokio::select! {
        biased;
        () = find => {}
        () = tell_again => {}
    }
}

/// A connection that a command may block on, and one that the server may be told of it on.
struct Blocked {
    blockable: Blockable,
    id: String,
    near: Arc<Connection>,
}

impl Blocked {
    fn on(line: &Line) -> Option<Self> {
        let blockable = line.blockable()?.clone();
        let near = blockable.shared.upgrade()?.live_near(line.runtime())?;
        Some(Self {
            id: blockable.client_id.to_string(),
            blockable,
            near,
        })
    }

    /// Whether both are connections to the same server. Where a name leads to several, a stranger may have its number on
    /// the other one.
    async fn is_within_reach(&self) -> bool {
        let Some(identity) = &self.blockable.identity else {
            // Servers before 6.2 don't tell who is who. The one behind a Unix socket needn't.
            return true;
        };
        let words: [&[u8]; 4] = [b"CLIENT", b"LIST", b"ID", self.id.as_bytes()];
        let mut list = Plain::read(&words);
        let Some(ticket) = submit(&self.near, &list, None).await else {
            return false;
        };
        let reply = answer(ticket, None).await.map(|reply| list.finish(reply));
        let Ok(Finish::Done(Ok(value))) = reply else {
            return false;
        };
        String::from_redis_value(value).is_ok_and(|list| identity.is_among(&list))
    }

    /// Nobody looks at the answer: where the server does not allow it, the wait ends when the time is up.
    fn tell(&self) {
        let words: [&[u8]; 3] = [b"CLIENT", b"UNBLOCK", self.id.as_bytes()];
        post(&self.near, &Plain::write(&words));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_told_of_as_one() {
        for (requests, text) in [
            (1, "closed while 1 request was without an answer"),
            (2, "closed while 2 requests were without an answer"),
        ] {
            assert_eq!(Unsettled { requests }.to_string(), text);
        }
    }
}
