//! Which barrier the current thread takes part in.
//!
//! A thread attaches when Tokio's start hook runs on it, or for as long as it is in `Runtime::block_on`, and
//! detaches in the stop hook or when that call is left, also by a panic. Attachments nest: a blocking thread of
//! one runtime may drive another. Nothing is guessed about what a thread is.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use super::barrier::{Barrier, Id};
use super::count::MERGE_EVERY;

thread_local! {
    /// Without a destructor, so that it can be used for as long as the thread runs anything.
    static MARK: Mark = const { Mark::foreign() };

    static LAYERS: Layers = const { Layers(RefCell::new(Vec::new())) };
}

/// What the hot paths need to know of the innermost attachment.
///
/// A mark that names a barrier is the thread's word that it takes part in it. Only [`enter`] sets one, after
/// it has joined, and [`Layer::leave`] takes it back before it leaves.
pub(super) struct Mark {
    barrier: Cell<*const Barrier>,
    id: Cell<Id>,
    /// References made here less those dropped here that the total doesn't know of yet.
    own: Cell<i64>,
    /// How many data this thread handed to be kept.
    handed: Cell<usize>,
    /// The barrier of the runtime that started this thread, for as long as the thread lives. The only part that stays when
    /// attachments change.
    birth: Cell<Id>,
}

impl Mark {
    const fn foreign() -> Self {
        Self {
            barrier: Cell::new(ptr::null()),
            id: Cell::new(Id::FOREIGN),
            own: Cell::new(0),
            handed: Cell::new(0),
            birth: Cell::new(Id::FOREIGN),
        }
    }

    #[inline]
    pub(super) fn with<R>(use_mark: impl FnOnce(&Self) -> R) -> R {
        MARK.with(use_mark)
    }

    /// The barrier that this thread takes part in; null if none, which is no reference's owner.
    #[inline]
    pub(super) fn barrier(&self) -> *const Barrier {
        self.barrier.get()
    }

    #[inline]
    pub(super) fn id(&self) -> Id {
        self.id.get()
    }

    /// Counts one more reference of this thread's barrier.
    #[inline]
    pub(super) fn makes_one(&self) {
        let own = self.own.get() + 1;
        self.own.set(own);
        if own >= MERGE_EVERY {
            self.merge();
        }
    }

    /// Counts one reference of this thread's barrier less.
    #[inline]
    pub(super) fn drops_one(&self) {
        let own = self.own.get() - 1;
        self.own.set(own);
        if own <= -MERGE_EVERY {
            self.merge();
        }
    }

    #[cold]
    fn merge(&self) {
        // Not to be had while the thread is being torn down; then the sum grows on until the thread leaves.
        let _unavailable = LAYERS.try_with(|layers| {
            if let Some(layer) = layers.0.borrow().last() {
                layer.barrier.total.merge(self.own.replace(0));
            }
        });
    }

    pub(super) fn handed(&self) -> usize {
        self.handed.get()
    }

    pub(super) fn hands_one(&self) {
        self.handed.set(self.handed.get() + 1);
    }

    fn swap(&self, other: &Self) {
        self.barrier.swap(&other.barrier);
        self.id.swap(&other.id);
        self.own.swap(&other.own);
        self.handed.swap(&other.handed);
    }
}

/// One attachment, with the mark of the one around it.
struct Layer {
    barrier: Arc<Barrier>,
    thread: ThreadId,
    outer: Mark,
}

impl Layer {
    fn leave(self) {
        // The mark goes first: what is destroyed below may make and drop references.
        MARK.with(|mark| mark.swap(&self.outer));
        if self.outer.handed() > 0 {
            self.barrier.departs(self.thread);
        }
        self.barrier.leave(self.outer.own.get());
    }
}

/// The attachments of a thread, innermost last.
struct Layers(RefCell<Vec<Layer>>);

impl Drop for Layers {
    /// For a thread that ends without its stop hook, as when a hook of the user's panics.
    fn drop(&mut self) {
        while let Some(layer) = self.0.get_mut().pop() {
            layer.leave();
        }
    }
}

/// Attaches a thread that its runtime has just started.
pub(super) fn start(barrier: &Arc<Barrier>) {
    MARK.with(|mark| mark.birth.set(barrier.id));
    // Refused if all is over already: then the thread counts as any other.
    enter(barrier);
}

/// Attaches the current thread, unless the barrier's end has come already.
pub(super) fn enter(barrier: &Arc<Barrier>) -> bool {
    let attached = LAYERS.try_with(|layers| {
        let layer = Layer {
            barrier: barrier.clone(),
            thread: thread::current().id(),
            outer: Mark::foreign(),
        };
        if !barrier.total.join() {
            return false;
        }
        MARK.with(|mark| {
            mark.swap(&layer.outer);
            mark.barrier.set(Arc::as_ptr(barrier));
            mark.id.set(barrier.id);
        });
        layers.0.borrow_mut().push(layer);
        true
    });
    attached.unwrap_or(false)
}

/// Detaches the current thread, if this barrier is the one it is attached to.
pub(super) fn leave(barrier: &Arc<Barrier>) {
    let layer = LAYERS.try_with(|layers| {
        layers
            .0
            .borrow_mut()
            .pop_if(|layer| Arc::ptr_eq(&layer.barrier, barrier))
    });
    if let Ok(Some(layer)) = layer {
        layer.leave();
    }
}

/// Attaches the current thread for as long as the result lives.
pub(super) fn scope(barrier: &Arc<Barrier>) -> Scope<'_> {
    Scope {
        barrier,
        attached: enter(barrier),
    }
}

/// See [`scope`].
pub(super) struct Scope<'a> {
    barrier: &'a Arc<Barrier>,
    attached: bool,
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        if self.attached {
            leave(self.barrier);
        }
    }
}

/// Whether the current thread was started by the barrier's runtime, even if it has left since, or drives it now.
pub(super) fn is_own_thread(barrier: &Arc<Barrier>) -> bool {
    MARK.with(|mark| mark.birth.get() == barrier.id)
        || LAYERS
            .try_with(|layers| {
                layers
                    .0
                    .borrow()
                    .iter()
                    .any(|layer| Arc::ptr_eq(&layer.barrier, barrier))
            })
            .unwrap_or(false)
}

/// The innermost barrier of this thread and the thread's id, if it is attached.
pub(super) fn current() -> Option<(Arc<Barrier>, ThreadId)> {
    LAYERS
        .try_with(|layers| {
            layers
                .0
                .borrow()
                .last()
                .map(|layer| (layer.barrier.clone(), layer.thread))
        })
        .ok()
        .flatten()
}
