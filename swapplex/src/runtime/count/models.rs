//! Every interleaving of the counting, explored by loom, and the mistakes that it must find.
//!
//! A model's datum is a cell that tracks its accesses: a read that is not ordered before the destruction, or a
//! second destruction, fails the model. What holds the models together (`Arc`, `Cell`) is the standard library's, which
//! loom doesn't see: it orders nothing, and adds no interleavings.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use loom::cell::UnsafeCell;
use loom::thread;

use super::{Ordering, Rules, Sound, Total};

struct Shared<R> {
    total: Total<R>,
    /// Stands for the datum: loom tracks who accesses it when; there is nothing inside.
    datum: UnsafeCell<()>,
    alive: Cell<bool>,
}

impl<R: Rules> Shared<R> {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            total: Total::new(),
            datum: UnsafeCell::new(()),
            alive: Cell::new(true),
        })
    }

    fn read(&self) {
        self.datum
            .with(|_| assert!(self.alive.get(), "read after destruction"));
    }

    fn destroy_if(&self, zero: bool) {
        if zero {
            self.datum
                .with_mut(|_| assert!(self.alive.replace(false), "destroyed twice"));
        }
    }
}

/// A worker that joins, makes a reference and hands it to nobody: both ends in its own sum.
fn late_worker<R: Rules>(shared: &Shared<R>) {
    if shared.total.join() {
        shared.read();
        shared.destroy_if(shared.total.leave(0));
    }
}

/// Three threads: the runtime's own, a worker that took part from the start, and one that takes no part and is
/// handed a reference that the first made in its own sum. A fourth starts late, perhaps after all is over.
fn three_threads_and_a_late_one<R: Rules + 'static>() {
    let shared = Shared::<R>::new();
    let own = 1;

    let late = thread::spawn({
        let shared = shared.clone();
        move || late_worker(&shared)
    });
    assert!(shared.total.join());
    let early = thread::spawn({
        let shared = shared.clone();
        move || {
            shared.read();
            shared.destroy_if(shared.total.leave(0));
        }
    });
    let foreign = thread::spawn({
        let shared = shared.clone();
        move || {
            shared.read();
            shared.destroy_if(shared.total.release());
        }
    });

    shared.read();
    shared.destroy_if(shared.total.leave(own));

    early.join().unwrap();
    foreign.join().unwrap();
    late.join().unwrap();
    assert!(!shared.alive.get(), "never destroyed");
}

/// A reference crosses between two participants, so that one sum is positive and the other negative, while a
/// third thread clones it in the total.
fn a_reference_crosses_threads<R: Rules + 'static>() {
    let shared = Shared::<R>::new();

    // Made here, by the runtime's share: one reference for each thread.
    let own = 2;
    let worker = thread::spawn({
        let shared = shared.clone();
        move || {
            shared.read();
            if shared.total.join() {
                shared.read();
                // Dropped in this thread's own sum, once in between.
                shared.total.merge(-1);
                shared.destroy_if(shared.total.leave(0));
            } else {
                shared.destroy_if(shared.total.release());
            }
        }
    });
    let foreign = thread::spawn({
        let shared = shared.clone();
        move || {
            shared.total.retain();
            shared.read();
            shared.destroy_if(shared.total.release());
            shared.read();
            shared.destroy_if(shared.total.release());
        }
    });

    shared.destroy_if(shared.total.leave(own));
    worker.join().unwrap();
    foreign.join().unwrap();
    assert!(!shared.alive.get(), "never destroyed");
}

/// Explores a model to the end, and prints how many executions that took.
fn explored(model: fn()) {
    let executions = Arc::new(AtomicUsize::new(0));
    let counter = executions.clone();
    loom::model(move || {
        counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        model();
    });
    println!("complete after {executions:?} executions");
}

#[test]
fn three_threads_and_a_late_one_destroy_once_after_all_uses() {
    explored(three_threads_and_a_late_one::<Sound>);
}

#[test]
fn a_reference_that_crosses_threads_keeps_the_datum() {
    explored(a_reference_crosses_threads::<Sound>);
}

/// Runs a model of the same code with one rule taken away, and expects loom to object.
fn caught(model: fn()) {
    let verdict = catch_unwind(AssertUnwindSafe(|| loom::model(model)));
    assert!(verdict.is_err(), "loom found nothing wrong");
}

struct NoRelease;
impl Rules for NoRelease {
    const RELEASE: Ordering = Ordering::Relaxed;
}

struct NoAcquire;
impl Rules for NoAcquire {
    const ACQUIRE: bool = false;
}

struct Revivable;
impl Rules for Revivable {
    const TERMINAL: bool = false;
}

#[test]
fn a_missing_release_is_caught() {
    caught(three_threads_and_a_late_one::<NoRelease>);
    caught(a_reference_crosses_threads::<NoRelease>);
}

#[test]
fn a_missing_acquire_is_caught() {
    caught(three_threads_and_a_late_one::<NoAcquire>);
    caught(a_reference_crosses_threads::<NoAcquire>);
}

#[test]
fn a_revivable_zero_is_caught() {
    caught(three_threads_and_a_late_one::<Revivable>);
}
