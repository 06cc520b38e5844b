//! The only module that holds `unsafe`: references that are counted by a barrier.
//!
//! # What is claimed
//!
//! A [`LocalRef`] points to a datum that is alive for as long as the reference is. The datum lies in an `Arc`,
//! and the reference is one of three kinds ([`Hold`]):
//!
//! - `Counted` owns the `Arc`. Nothing is left to show.
//! - `Forever`: a clone of the `Arc` lies in a static list that nothing is ever removed from.
//! - `Barred`: a clone of the `Arc` lies in the registry of a [`Barrier`], which is emptied only by the one who
//!   brings the barrier's total to zero, and this reference is counted in that total.
//!
//! For the last kind `count.rs` shows, and its loom models check, that the total isn't zero while a reference
//! that it counts exists. What remains is that every reference is counted exactly once and that the registry
//! has its datum:
//!
//! - [`Datum::local_ref`] makes a barred reference only where the datum's `home` is the id of the barrier that
//!   the thread's mark names. `home` is set to an id only after [`Barrier::keep`] has put the datum into that
//!   barrier's registry, which is never emptied but at zero, and ids are not used twice. The mark names a
//!   barrier only while the thread takes part (`attach.rs`), so the thread may count for it.
//! - `clone` and `drop` count one reference more or less, in the thread's own sum if the mark names the
//!   reference's barrier, and in the total otherwise. Comparing addresses is enough here, unlike above: both
//!   barriers are alive, one because the thread takes part in it and one because the reference exists.
//! - The fields are private to this module, and nothing else makes a `Barred`.
//!
//! The barrier's own memory stays while its total is above zero, since it owns itself until then. So it may be
//! accessed through the pointer while the reference is counted, up to and including the change of the total that
//! gives the count up, and after that only by the one who reached zero.
//!
//! Ordering is `count.rs`'s business: giving a count up releases, reaching zero acquires, and an attached
//! thread's own sum is given up by that thread, after all uses that it accounts for.

use std::cell::Cell;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::attach::Mark;
use super::barrier::{Barrier, Id};
use super::place::{self, Place};

/// A datum, and who keeps it once it is handed out.
pub(super) struct Datum<T> {
    value: Arc<T>,
    /// The barrier that keeps it, or one of the constants of [`Id`]. May name a barrier that is no more.
    home: Cell<Id>,
}

impl<T> Datum<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Arc::new(value),
            home: Cell::new(Id::NOWHERE),
        }
    }

    pub(super) fn value(&self) -> &T {
        &self.value
    }
}

impl<T: Send + Sync + 'static> Datum<T> {
    #[inline]
    pub(super) fn local_ref(&self) -> LocalRef<T> {
        self.barred().unwrap_or_else(|| self.first_ref())
    }

    /// A reference counted by the thread's barrier, if that keeps the datum already.
    #[inline]
    fn barred(&self) -> Option<LocalRef<T>> {
        Mark::with(|mark| {
            (mark.id() == self.home.get()).then(|| {
                mark.count(1);
                self.held_by(Hold::Barred(mark.barrier()))
            })
        })
    }

    #[cold]
    fn first_ref(&self) -> LocalRef<T> {
        if self.home.get() == Id::FOREVER {
            return self.held_by(Hold::Forever);
        }
        match place::of(&self.value) {
            Place::Barrier(id) => {
                self.home.set(id);
                self.barred()
            }
            Place::Forever => {
                self.home.set(Id::FOREVER);
                Some(self.held_by(Hold::Forever))
            }
            Place::Alone => None,
        }
        .unwrap_or_else(|| self.held_by(Hold::Counted(self.value.clone())))
    }

    fn held_by(&self, hold: Hold<T>) -> LocalRef<T> {
        LocalRef {
            value: NonNull::from(&*self.value),
            hold,
        }
    }
}

/// A reference to the value in a [`Context`](super::Context) that any thread may hold, for as long as it likes.
///
/// Cheap to clone where the runtime is swapplex's: no shared counter is touched on the runtime's own threads.
/// One that outlives its runtime keeps the data of all of that runtime's workers.
pub struct LocalRef<T: Send + Sync + 'static> {
    value: NonNull<T>,
    hold: Hold<T>,
}

/// What keeps the value alive.
enum Hold<T> {
    Barred(*const Barrier),
    Counted(Arc<T>),
    Forever,
}

// SAFETY: a reference gives `&T` to whichever thread has it, and may be the last to go, which drops `T` there:
// `T: Send + Sync` allows both. The barrier behind the pointer is `Sync`.
unsafe impl<T: Send + Sync> Send for LocalRef<T> {}
// SAFETY: as for `Send`; through `&LocalRef` a thread can clone it, and has one of its own then.
unsafe impl<T: Send + Sync> Sync for LocalRef<T> {}

impl<T: Send + Sync> Deref for LocalRef<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: `value` was taken from an `Arc` that `hold` keeps alive while `self` exists, see above;
        // nobody has `&mut T` to what an `Arc` with a clone elsewhere holds.
        unsafe { self.value.as_ref() }
    }
}

impl<T: Send + Sync> Clone for LocalRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        let hold = match &self.hold {
            Hold::Barred(barrier) => {
                if !counted_here(*barrier, 1) {
                    // SAFETY: `self` is counted, so the barrier's memory stays during this.
                    unsafe { &**barrier }.total.retain();
                }
                Hold::Barred(*barrier)
            }
            Hold::Counted(value) => Hold::Counted(value.clone()),
            Hold::Forever => Hold::Forever,
        };
        Self {
            value: self.value,
            hold,
        }
    }
}

impl<T: Send + Sync> Drop for LocalRef<T> {
    #[inline]
    fn drop(&mut self) {
        if let Hold::Barred(barrier) = self.hold
            && !counted_here(barrier, -1)
        {
            // SAFETY: `self` was counted, by whoever made it, and this is the only time it is given up.
            unsafe { release(barrier) }
        }
    }
}

/// Counts in the thread's own sum, if it takes part in this barrier.
#[inline]
fn counted_here(barrier: *const Barrier, by: i64) -> bool {
    Mark::with(|mark| {
        let here = ptr::eq(mark.barrier(), barrier);
        if here {
            mark.count(by);
        }
        here
    })
}

/// Gives up one reference in the barrier's total. Takes a pointer: another thread may free the barrier as soon as
/// the total is changed, when a `&Barrier` argument would still promise its memory.
///
/// # Safety
///
/// The caller owns one counted reference of this barrier, and has none after this.
#[cold]
unsafe fn release(barrier: *const Barrier) {
    // SAFETY: the caller's reference keeps the memory up to the change of the total, and `Total`, being nothing but
    // an atomic, promises nothing after that.
    let zero = unsafe { (*barrier).total.release() };
    if zero {
        // SAFETY: only one thread reaches zero, and the barrier owns itself until that one takes this away.
        let released = unsafe { (*barrier).take_self() };
        released.destroy();
    }
}
