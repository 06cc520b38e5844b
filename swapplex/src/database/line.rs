//! Whatever is driven on a runtime can be asked to end: a lane, a connection apart, a subscription.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use tokio::runtime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::settle;
use super::shared::Shared;
use crate::multiplex::{Connection, Driver, Identity};
use crate::sync::lock;

/// All lines there are, of whichever database, by number.
static LINES: Mutex<Option<Lines>> = Mutex::new(None);

#[derive(Default)]
struct Lines {
    last: u64,
    lines: HashMap<u64, Arc<Line>>,
}

/// Whose lines.
#[derive(Clone, Copy, Debug)]
pub(super) enum Of {
    Runtime(runtime::Id),
    Database(u64),
}

/// One thing that is driven, and can be asked to end; see the [module](self).
#[derive(Debug)]
pub(crate) struct Line {
    database: u64,
    runtime: runtime::Id,
    /// Where it is a connection that commands may block on.
    blockable: Option<Blockable>,
    asked: watch::Sender<Asked>,
    ended: watch::Sender<bool>,
    /// The connection that new requests go to, if there is one.
    serving: Mutex<Weak<Connection>>,
    /// The connections that are being settled: one that is to end, and those that others have replaced.
    settling: Mutex<Vec<Arc<Connection>>>,
    /// How many callers had no answer when settling was over.
    unanswered: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    /// To end once all is answered, by this time if there is one.
    ToEnd(Option<Instant>),
}

/// What it takes to end the wait of a command that blocks.
#[derive(Clone, Debug)]
pub(super) struct Blockable {
    pub(super) shared: Weak<Shared>,
    /// The server's number for the connection.
    pub(super) client_id: i64,
    /// What tells it from a stranger's with the same number on another server, where the server tells.
    pub(super) identity: Option<Identity>,
}

/// Held by what drives a line; the line has ended when it is dropped.
#[derive(Debug)]
pub(crate) struct Driven {
    number: u64,
    line: Arc<Line>,
}

impl Line {
    /// Registers what is about to be driven.
    pub(super) fn open(database: u64, runtime: runtime::Id, blockable: Option<Blockable>) -> Driven {
        settle::at_end_of_runtimes();
        let line = Arc::new(Self {
            database,
            runtime,
            blockable,
            asked: watch::Sender::new(Asked::No),
            ended: watch::Sender::new(false),
            serving: Mutex::default(),
            settling: Mutex::default(),
            unanswered: AtomicUsize::new(0),
        });
        let mut all = lock(&LINES);
        let all = all.get_or_insert_default();
        all.last += 1;
        all.lines.insert(all.last, Arc::clone(&line));
        Driven {
            number: all.last,
            line,
        }
    }

    pub(super) fn all(of: Of) -> Vec<Arc<Self>> {
        let all = lock(&LINES);
        let lines = all.iter().flat_map(|all| all.lines.values());
        let wanted = lines.filter(|line| match of {
            Of::Runtime(runtime) => line.runtime == runtime,
            Of::Database(database) => line.database == database,
        });
        wanted.cloned().collect()
    }

    /// Asks whoever drives it to settle what is under way and to end, in any case by `limit`.
    pub(super) fn ask(&self, limit: Option<Instant>) {
        self.asked.send_modify(|asked| {
            *asked = match (*asked, limit) {
                (Asked::ToEnd(Some(first)), Some(second)) => Asked::ToEnd(Some(first.min(second))),
                (Asked::ToEnd(Some(first)), None) => Asked::ToEnd(Some(first)),
                (Asked::ToEnd(None) | Asked::No, limit) => Asked::ToEnd(limit),
            };
        });
    }

    /// Whether it was asked to end, so that it takes nothing new.
    pub(super) fn is_asked(&self) -> bool {
        *self.asked.borrow() != Asked::No
    }

    /// Resolves when it is asked to end.
    pub(crate) async fn asked(&self) {
        // The sender lives in `self`.
        let _ = self.asked.subscribe().wait_for(|asked| *asked != Asked::No).await;
    }

    /// Resolves when it should have ended long since.
    pub(super) async fn overdue(&self) {
        let mut asked = self.asked.subscribe();
        let limit = match asked
            .wait_for(|asked| matches!(asked, Asked::ToEnd(Some(_))))
            .await
        {
            Ok(asked) => match *asked {
                Asked::ToEnd(limit) => limit,
                Asked::No => None,
            },
            Err(_) => None,
        };
        match limit {
            Some(limit) => sleep_until(limit).await,
            None => std::future::pending().await,
        }
    }

    /// Notes the connection that new requests go to.
    pub(super) fn serves(&self, connection: &Arc<Connection>) {
        *lock(&self.serving) = Arc::downgrade(connection);
    }

    /// Waits until every request under way is answered, the connection is lost, or the time is up.
    pub(super) async fn settle(&self, connection: &Arc<Connection>, driver: &mut Driver) {
        lock(&self.settling).push(Arc::clone(connection));
        {
            let mut serving = lock(&self.serving);
            if serving.as_ptr() == Arc::as_ptr(connection) {
                *serving = Weak::new();
            }
        }
        tokio::select! {
            () = driver.settle() => {}
            () = self.overdue() => {}
        }
        let mut settling = lock(&self.settling);
        if self.is_asked() {
            self.unanswered.fetch_add(connection.waiting(), Ordering::Relaxed);
        }
        settling.retain(|other| !Arc::ptr_eq(other, connection));
    }

    /// How many callers wait for an answer, or waited in vain when it had been asked to end.
    pub(super) fn waiting(&self) -> usize {
        let waiting: usize = self.connections().iter().map(|one| one.waiting()).sum();
        waiting + self.unanswered.load(Ordering::Relaxed)
    }

    /// Whether nothing is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.connections().iter().all(|one| one.is_settled())
    }

    /// Those that are being settled, and the one that is not yet, as where nobody drives the runtime.
    fn connections(&self) -> Vec<Arc<Connection>> {
        let serving = lock(&self.serving).upgrade();
        let settling = lock(&self.settling);
        let serving = serving.filter(|one| settling.iter().all(|other| !Arc::ptr_eq(one, other)));
        serving.into_iter().chain(settling.iter().cloned()).collect()
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&self) {
        // The sender lives in `self`.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// The runtime that it is driven on.
    pub(super) fn runtime(&self) -> runtime::Id {
        self.runtime
    }

    pub(super) fn blockable(&self) -> Option<&Blockable> {
        self.blockable.as_ref()
    }
}

impl Driven {
    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

impl Drop for Driven {
    fn drop(&mut self) {
        let line = lock(&LINES)
            .as_mut()
            .and_then(|all| all.lines.remove(&self.number));
        self.line.ended.send_replace(true);
        drop(line);
    }
}
