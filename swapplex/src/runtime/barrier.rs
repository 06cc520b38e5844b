//! What is shared by the threads of one runtime: the count, and the data that it keeps.

use std::any::Any;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::ThreadId;

use tokio::runtime::Handle;

use super::count::{Sound, Total};
use super::end::Ending;

/// A datum that was handed out, kept for its destructor only.
pub(super) type Kept = Arc<dyn Send + Sync>;

/// At most this many data per worker are kept until the end, in case somebody makes contexts in a loop.
/// What is handed out beyond that is counted one by one.
const DATA_PER_WORKER: usize = 1024;

/// The data that so many threads left behind are kept until the end; those of later ones are counted one by one.
/// Threads of a runtime end before it only as blocking threads, and have been workers only through `block_in_place`.
const DEPARTED: usize = 64;

/// The barrier of one runtime.
///
/// Its memory stays while the total is above zero, because it owns itself until then (`this`), and as long
/// as somebody else owns it, such as the runtime's thread hooks.
pub(super) struct Barrier {
    /// Never given to a second barrier of this process, unlike an address.
    pub(super) id: Id,
    pub(super) total: Total<Sound>,
    this: Mutex<Option<Arc<Barrier>>>,
    kept: Mutex<Registry>,
    host: OnceLock<Host>,
    /// What the user asked to run at the end; `None` once it is too late for that.
    pub(super) endings: Mutex<Option<Vec<Ending>>>,
}

/// Tells barriers and states of a context apart; see the constants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(u64);

impl Id {
    /// A thread that takes part in no barrier.
    pub(super) const FOREIGN: Self = Self(0);
    /// A datum that no barrier keeps yet.
    pub(super) const NOWHERE: Self = Self(1);
    /// A datum that is kept for ever.
    pub(super) const FOREVER: Self = Self(2);

    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(3);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The Tokio runtime that a barrier belongs to, known once it is built.
struct Host {
    runtime: tokio::runtime::Id,
    workers: usize,
}

/// Each datum once, by address, and the threads that left data behind.
#[derive(Default)]
struct Registry {
    data: HashMap<usize, Kept>,
    departed: Vec<ThreadId>,
}

impl Barrier {
    /// A barrier in which its runtime takes part, until [`leave`](Self::leave) is called for it.
    pub(super) fn new() -> Arc<Self> {
        let barrier = Arc::new(Self {
            id: Id::next(),
            total: Total::new(),
            this: Mutex::new(None),
            kept: Mutex::default(),
            host: OnceLock::new(),
            endings: Mutex::new(Some(Vec::new())),
        });
        *lock(&barrier.this) = Some(barrier.clone());
        barrier
    }

    /// Names the runtime, before it runs anything.
    pub(super) fn belongs_to(&self, runtime: &Handle) {
        let host = Host {
            runtime: runtime.id(),
            workers: runtime.metrics().num_workers(),
        };
        let _first = self.host.set(host);
    }

    /// Keeps a datum until the total is zero, unless it should rather be counted by itself: when this isn't
    /// the runtime that the current worker works for, or when data of threads that are gone would pile up
    /// (`block_in_place` makes a new worker of some other thread each time).
    ///
    /// Only for a thread that takes part, so that the end can't come meanwhile.
    pub(super) fn keep<T: Send + Sync + 'static>(&self, datum: &Arc<T>, thread: ThreadId) -> bool {
        let Some(host) = self.host.get() else { return false };
        if !Handle::try_current().is_ok_and(|here| here.id() == host.runtime) {
            return false;
        }
        let mut registry = lock(&self.kept);
        let address = Arc::as_ptr(datum).addr();
        if registry.data.contains_key(&address) {
            return true;
        }
        if registry.data.len() >= DATA_PER_WORKER * host.workers
            || (registry.departed.len() >= DEPARTED && !registry.departed.contains(&thread))
        {
            return false;
        }
        registry.data.insert(address, datum.clone());
        true
    }

    /// Notes that a thread goes that left data here.
    pub(super) fn departs(&self, thread: ThreadId) {
        let mut registry = lock(&self.kept);
        if !registry.departed.contains(&thread) {
            registry.departed.push(thread);
        }
    }

    /// Ends a participant's part, with the references that it has counted itself.
    pub(super) fn leave(&self, own: i64) {
        if self.total.leave(own) {
            self.take_self().destroy();
        }
    }

    /// The barrier's hold on itself. For whoever brought the total to zero.
    pub(super) fn take_self(&self) -> Released {
        Released(lock(&self.this).take())
    }
}

/// A barrier whose total is zero.
#[must_use]
pub(super) struct Released(Option<Arc<Barrier>>);

impl Released {
    /// Destroys the data. Each destructor may panic, and may use whatever else is alive.
    pub(super) fn destroy(self) {
        let Some(barrier) = self.0 else { return };
        let data = std::mem::take(&mut lock(&barrier.kept).data);
        for (_, datum) in data {
            discard(datum);
        }
        let endings = std::mem::take(&mut *lock(&barrier.endings));
        discard(endings);
    }
}

/// Drops a value of the user's, and stops a panic there: the panic hook has reported it already, and what is
/// going on here must be brought to its end.
pub(super) fn discard<T>(value: T) {
    let drop_it = AssertUnwindSafe(|| drop(value));
    if let Err(payload) = catch_unwind(drop_it) {
        discard_payload(payload);
    }
}

fn discard_payload(payload: Box<dyn Any + Send>) {
    // Whoever throws something that throws when dropped gets it leaked.
    let drop_it = AssertUnwindSafe(|| drop(payload));
    let _nested = catch_unwind(drop_it).map_err(std::mem::forget);
}

/// Locks; a panic elsewhere doesn't make the content wrong, since no user code runs under these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
