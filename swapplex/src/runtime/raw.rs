//! The only module that holds `unsafe`: references that are counted by a barrier.
//!
//! # What is claimed
//!
//! A [`LocalRef`] points to a datum that is alive for as long as the reference is. The datum lies in an `Arc`,
//! and the reference is one of three kinds, told apart by its `owner`:
//!
//! - counted ([`COUNTED`]): it stands for one strong count of the `Arc`. What holds of `Arc` holds here.
//! - kept for ever ([`FOREVER`]): a clone of the `Arc` lies in a static list that nothing is ever removed from.
//! - barred (a [`Barrier`]'s address): a clone of the `Arc` lies in that barrier's registry, which is emptied only by
//!   the one who brings the barrier's total to zero, and this reference is counted in that total.
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
//! - The fields are private to this module.
//!
//! The barrier's own memory stays while its total is above zero, since it owns itself until then. So it may be
//! accessed through the pointer while the reference is counted, up to and including the change of the total that
//! gives the count up, and after that only by the one who reached zero.
//!
//! Ordering is `count.rs`'s business: giving a count up releases, reaching zero acquires, and an attached
//! thread's own sum is given up by that thread, after all uses that it accounts for.

use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use super::attach::Mark;
use super::barrier::{Barrier, Id, discard};
use super::place::{self, Place};

/// The owner of a reference that is a strong count of its datum's `Arc`. No barrier has this address, and no mark.
const COUNTED: *const Barrier = ptr::without_provenance(1);

/// The owner of a reference to a datum that is kept for ever. No barrier has this address, and no mark.
const FOREVER: *const Barrier = ptr::without_provenance(2);

const _: () = assert!(align_of::<Barrier>() > 2);

/// A datum, and who keeps it once it is handed out.
pub(super) struct Datum<T> {
    /// Dropped by hand, to catch what its destructor may throw.
    value: ManuallyDrop<Arc<T>>,
    /// The barrier that keeps it, or one of the constants of [`Id`]. May name a barrier that is no more.
    home: Cell<Id>,
}

impl<T> Datum<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: ManuallyDrop::new(Arc::new(value)),
            home: Cell::new(Id::NOWHERE),
        }
    }

    pub(super) fn value(&self) -> &T {
        &self.value
    }
}

impl<T> Drop for Datum<T> {
    fn drop(&mut self) {
        // SAFETY: only here, so once, and `self` is not used after this.
        discard(unsafe { ManuallyDrop::take(&mut self.value) });
    }
}

impl<T: Send + Sync + 'static> Datum<T> {
    #[inline]
    pub(super) fn local_ref(&self) -> LocalRef<T> {
        Mark::with(|mark| {
            if mark.id() == self.home.get() {
                self.barred(mark)
            } else {
                self.first_ref(mark)
            }
        })
    }

    /// A reference counted by the thread's barrier, which is the datum's home.
    #[inline]
    fn barred(&self, mark: &Mark) -> LocalRef<T> {
        mark.makes_one();
        self.owned_by(mark.barrier())
    }

    #[cold]
    fn first_ref(&self, mark: &Mark) -> LocalRef<T> {
        if self.home.get() != Id::FOREVER {
            match place::of(&self.value) {
                Place::Barrier(id) => self.home.set(id),
                Place::Forever => self.home.set(Id::FOREVER),
                Place::Alone => {}
            }
        }
        let home = self.home.get();
        if home == mark.id() {
            self.barred(mark)
        } else if home == Id::FOREVER {
            self.owned_by(FOREVER)
        } else {
            // The strong count that the reference stands for.
            let _count = self.value.clone();
            self.owned_by(COUNTED)
        }
    }

    fn owned_by(&self, owner: *const Barrier) -> LocalRef<T> {
        // SAFETY: an `Arc`'s pointer is never null.
        let value = unsafe { NonNull::new_unchecked(Arc::as_ptr(&self.value).cast_mut()) };
        LocalRef { value, owner }
    }
}

/// A reference to the value in a [`Context`](super::Context) that any thread may hold, for as long as it likes.
///
/// Cheap to clone where the runtime is swapplex's: no shared counter is touched on the runtime's own threads.
/// One that outlives its runtime keeps the data of all of that runtime's workers.
pub struct LocalRef<T: Send + Sync + 'static> {
    /// From `Arc::as_ptr`, so that it may become the `Arc` again.
    value: NonNull<T>,
    owner: *const Barrier,
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
        // SAFETY: what `value` points to is kept alive by `owner` while `self` exists, as argued above, and nobody has
        // `&mut T` to what an `Arc` with other strong counts holds.
        unsafe { self.value.as_ref() }
    }
}

impl<T: Send + Sync> Clone for LocalRef<T> {
    #[inline]
    fn clone(&self) -> Self {
        if !counted_here(self.owner, Mark::makes_one) {
            self.retain();
        }
        Self {
            value: self.value,
            owner: self.owner,
        }
    }
}

impl<T: Send + Sync> Drop for LocalRef<T> {
    #[inline]
    fn drop(&mut self) {
        if !counted_here(self.owner, Mark::drops_one) {
            self.release();
        }
    }
}

/// Counts in the thread's own sum, if it takes part in this barrier.
#[inline]
fn counted_here(owner: *const Barrier, count: fn(&Mark)) -> bool {
    Mark::with(|mark| {
        let here = ptr::eq(mark.barrier(), owner);
        if here {
            count(mark);
        }
        here
    })
}

impl<T: Send + Sync> LocalRef<T> {
    /// Counts one more, on a thread that takes no part.
    #[inline(never)]
    fn retain(&self) {
        if self.owner == COUNTED {
            // SAFETY: `value` is from an `Arc`, of which `self` is a strong count.
            unsafe { Arc::increment_strong_count(self.value.as_ptr()) }
        } else if self.owner != FOREVER {
            // SAFETY: `self` is counted, so the barrier's memory stays during this.
            unsafe { &*self.owner }.total.retain();
        }
    }

    /// Gives up what `self` counts for, on a thread that takes no part. Only for `drop`.
    #[inline(never)]
    fn release(&mut self) {
        if self.owner == COUNTED {
            // SAFETY: `value` is from an `Arc`, and `self` is a strong count of it, which is given up only here.
            drop(unsafe { Arc::from_raw(self.value.as_ptr()) });
        } else if self.owner != FOREVER {
            let barrier = self.owner;
            // A place behind the pointer rather than a `&Barrier`: another thread may free the barrier as soon as the total
            // has changed. `Total` is nothing but an atomic, and a borrow of that promises nothing after its last access.
            //
            // SAFETY: `self` is counted, which keeps the memory up to the change of the total, and is given up only here.
            let zero = unsafe { (*barrier).total.release() };
            if zero {
                // SAFETY: only one thread reaches zero, and the barrier owns itself until that one takes this away.
                let released = unsafe { (*barrier).take_self() };
                released.destroy();
            }
        }
    }
}
