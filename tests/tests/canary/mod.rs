//! Data that tells when it is destroyed, and whether that was too early.
#![allow(dead_code, reason = "each test uses a part of it")]

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use swapplex::runtime::{AsyncLocal, Builder, Context, LocalRef, Runtime};

const ALIVE: u64 = 0x0A11_7E0F_CA9A_81E5;

/// Longer than anything here takes; a test that waits this long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

thread_local! {
    static CAGE: RefCell<Option<Cage>> = const { RefCell::new(None) };

    /// The canary of this thread.
    pub(crate) static CANARY: Context<Canary> = Context::new(Canary::hatch());
}

/// The canaries of one runtime, and what they must outlive.
#[derive(Clone, Default)]
pub(crate) struct Cage(Arc<Inner>);

#[derive(Default)]
struct Inner {
    counts: Mutex<Counts>,
    changed: Condvar,
}

/// How many there are of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Canaries that were made.
    pub(crate) hatched: usize,
    /// Canaries that were destroyed.
    pub(crate) dead: usize,
    /// References of [`Bird`]s to canaries of workers.
    pub(crate) references: usize,
    /// Tasks and bodies under way.
    pub(crate) tasks: usize,
    /// Canaries of workers that were destroyed while a task or a reference was left.
    pub(crate) too_early: usize,
}

impl Cage {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Puts the canaries of the current thread into this cage, if it has none yet.
    pub(crate) fn adopt_thread(&self) {
        CAGE.set(Some(self.clone()));
    }

    /// Puts the canaries of all of a runtime's own threads into this cage.
    pub(crate) fn adopt<'a>(&self, builder: &'a mut Builder) -> &'a mut Builder {
        let cage = self.clone();
        builder.on_thread_start(move || cage.adopt_thread())
    }

    /// The counts now.
    pub(crate) fn counts(&self) -> Counts {
        *self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Canaries that were made and not destroyed.
    pub(crate) fn alive(&self) -> usize {
        let counts = self.counts();
        counts.hatched - counts.dead
    }

    /// Waits until the counts are as expected.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`].
    pub(crate) fn wait_until(&self, expected: impl Fn(Counts) -> bool) {
        let until = Instant::now() + PATIENCE;
        let mut counts = self.0.counts.lock().unwrap_or_else(PoisonError::into_inner);
        while !expected(*counts) {
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "still {:?}", *counts);
            counts = self
                .0
                .changed
                .wait_timeout(counts, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    /// Waits until all canaries are destroyed, and checks that none was too early.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`], or if one was.
    pub(crate) fn wait_until_empty(&self) {
        self.wait_until_empty_whenever();
        assert_eq!(self.counts().too_early, 0, "{:?}", self.counts());
    }

    /// Waits until all canaries are destroyed.
    ///
    /// # Panics
    ///
    /// After [`PATIENCE`].
    pub(crate) fn wait_until_empty_whenever(&self) {
        self.wait_until(|counts| counts.hatched == counts.dead);
    }

    /// Counts a task for as long as the result lives.
    pub(crate) fn task(&self) -> Task {
        self.change(|counts| counts.tasks += 1);
        Task(self.clone())
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.counts.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.notify_all();
    }
}

/// A runtime with so many workers, whose canaries are in this cage.
pub(crate) fn runtime(cage: &Cage, workers: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    cage.adopt(&mut builder)
        .worker_threads(workers)
        .enable_all()
        .build()
        .unwrap()
}

/// See [`Cage::task`].
pub(crate) struct Task(Cage);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.change(|counts| counts.tasks -= 1);
    }
}

/// A datum that knows whether it is alive.
pub(crate) struct Canary {
    magic: AtomicU64,
    /// On the heap, so that a sanitizer sees a late look at it.
    songs: Box<AtomicU64>,
    of_worker: bool,
    cage: Cage,
}

impl Canary {
    fn hatch() -> Self {
        let cage = CAGE.with_borrow(Clone::clone).unwrap_or_default();
        cage.change(|counts| counts.hatched += 1);
        Self {
            magic: AtomicU64::new(ALIVE),
            songs: Box::default(),
            of_worker: tokio::runtime::worker_index().is_some(),
            cage,
        }
    }

    /// Looks at everything, and gives how often that was done.
    ///
    /// # Panics
    ///
    /// If it is dead.
    pub(crate) fn sing(&self) -> u64 {
        assert_eq!(
            self.magic.load(Ordering::Relaxed),
            ALIVE,
            "a dead canary was asked to sing"
        );
        self.songs.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        self.magic.store(0, Ordering::Relaxed);
        let of_worker = self.of_worker;
        self.cage.change(|counts| {
            counts.dead += 1;
            if of_worker && (counts.tasks > 0 || counts.references > 0) {
                counts.too_early += 1;
            }
        });
    }
}

/// A counted reference to a canary.
pub(crate) struct Bird {
    canary: LocalRef<Canary>,
}

impl Bird {
    /// A reference to the current thread's.
    pub(crate) fn here() -> Self {
        Self::of(CANARY.local_ref())
    }

    fn of(canary: LocalRef<Canary>) -> Self {
        if canary.of_worker {
            canary.cage.change(|counts| counts.references += 1);
        }
        Self { canary }
    }

    /// See [`Canary::sing`].
    pub(crate) fn sing(&self) -> u64 {
        self.canary.sing()
    }
}

impl Clone for Bird {
    fn clone(&self) -> Self {
        Self::of(self.canary.clone())
    }
}

impl Drop for Bird {
    fn drop(&mut self) {
        if self.canary.of_worker {
            self.canary.cage.change(|counts| counts.references -= 1);
        }
    }
}
