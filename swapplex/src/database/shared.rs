//! One database at run time: what its connections on all runtimes have in common.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::runtime::{self, Handle};
use tokio::sync::Semaphore;

use super::apart::MAX_BLOCKED;
use super::dial::{ConnectError, Destination};
use super::events::EventLog;
use super::fence::Fences;
use super::lane::Lane;
use super::line::Line;
use super::supervisor;
use crate::multiplex::Connection;
use crate::settings::Settings;
use crate::stats::Counters;
use crate::sync::lock;

/// What [`Client`](crate::Client)s of one database share.
#[derive(Debug)]
pub struct Shared {
    /// Tells databases apart, for ever: unlike an address, it does not come back.
    pub(super) id: u64,
    pub(super) destination: Destination,
    /// Turns to have one of the connections that blocking commands are moved to.
    pub(super) turns: Arc<Semaphore>,
    pub(super) settings: Settings,
    pub(super) counters: Arc<Counters>,
    events: Arc<EventLog>,
    epochs: Arc<AtomicU64>,
    pub(super) fences: Arc<Fences>,
    lanes: Arc<Lanes>,
    /// Locked by who begins a lane, or ends all.
    beginning: Mutex<()>,
    /// Runtimes on which the database was closed.
    closed: Mutex<HashSet<runtime::Id>>,
}

/// A database's lanes by runtime.
pub(super) type Lanes = Mutex<HashMap<runtime::Id, Arc<Lane>>>;

impl Shared {
    pub(crate) fn new(destination: Destination, settings: Settings) -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            destination: Destination {
                // Not that of another client of the same builder.
                last: Arc::default(),
                ..destination
            },
            turns: Arc::new(Semaphore::new(MAX_BLOCKED)),
            settings,
            counters: Arc::default(),
            events: Arc::default(),
            epochs: Arc::default(),
            fences: Arc::default(),
            lanes: Arc::default(),
            beginning: Mutex::default(),
            closed: Mutex::default(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The database number of the target that was loaded last. Loads one where none was; 0 where that fails.
    pub(crate) fn db(&self) -> i64 {
        self.destination.last().map_or(0, |last| last.db)
    }

    /// The address of the target that was loaded last, likewise.
    pub(super) fn server(&self) -> Option<Arc<str>> {
        self.destination.last().map(|last| last.server)
    }

    /// The number of the next connection.
    pub(super) fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(super) fn events(&self) -> &EventLog {
        &self.events
    }

    /// Lets no connection be made any more on the runtimes that have one, and on this one.
    pub(super) fn shut(&self) {
        let here = Handle::try_current().ok().map(|handle| handle.id());
        let _beginning = lock(&self.beginning);
        let lanes = lock(&self.lanes);
        lock(&self.closed).extend(lanes.keys().copied().chain(here));
    }

    pub(super) fn is_closed(&self, runtime: runtime::Id) -> bool {
        lock(&self.closed).contains(&runtime)
    }

    /// A live connection, that of `runtime` if there is one.
    pub(super) fn live_near(&self, runtime: runtime::Id) -> Option<Arc<Connection>> {
        let lanes = lock(&self.lanes);
        let mut near = lanes.get(&runtime).into_iter().chain(lanes.values());
        near.find_map(|lane| lane.live.load_full())
    }

    /// The lane on this runtime. A new one begins to connect at once.
    pub(super) fn lane(&self, runtime: &Handle) -> Arc<Lane> {
        let id = runtime.id();
        let begun = || {
            lock(&self.lanes)
                .get(&id)
                .filter(|lane| !lane.has_ended())
                .cloned()
        };
        if let Some(lane) = begun() {
            return lane;
        }
        let _beginning = lock(&self.beginning);
        if let Some(lane) = begun() {
            return lane;
        }
        let driven = Line::open(self.id, id, None);
        let lane = Arc::new(Lane::new(runtime.clone(), Arc::clone(driven.line())));
        if self.is_closed(id) {
            lane.ended(ConnectError::Closed);
            return lane;
        }
        // First: where the runtime is just ending, that ends the lane at once, and nobody must have begun to wait for it.
        runtime.spawn(supervisor::supervise(supervisor::Charge {
            lane: Arc::clone(&lane),
            lanes: Arc::downgrade(&self.lanes),
            destination: self.destination.clone(),
            settings: self.settings,
            counters: Arc::clone(&self.counters),
            events: Arc::clone(&self.events),
            epochs: Arc::clone(&self.epochs),
            driven,
            fences: Arc::clone(&self.fences),
        }));
        let mut lanes = lock(&self.lanes);
        // Pairs with the end of a lane, which takes it out of here once it is marked.
        if !lane.has_ended() {
            lanes.insert(id, Arc::clone(&lane));
        }
        drop(lanes);
        lane
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for lane in lock(&self.lanes).values() {
            lane.line.ask(None);
        }
    }
}
