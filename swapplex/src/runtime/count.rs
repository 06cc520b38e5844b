//! Biased counting: one shared total, and a sum of its own for every thread that takes part.
//!
//! The runtime and each attached thread own one [`UNIT`] of the total. An attached thread counts the
//! references that it makes and drops in a plain cell and adds that sum when it leaves; everyone else counts
//! in the total itself. So at any moment
//!
//! ```text
//! total = Σ over participants (UNIT − what the participant has not added yet) + live references
//! ```
//!
//! where "not added yet" is the difference of references made and dropped, which stays below [`MERGE_EVERY`]
//! in either direction. Each bracket is therefore positive: with a participant left the total is positive, and
//! with none left it is the number of live references. Zero thus means that nobody takes part and nothing
//! refers, and as only a participant or a reference can make another reference, it stays zero: joining
//! refuses it.
//!
//! A participant's share is a wide 2⁴⁰ because its own sum may be negative: a reference made on one thread
//! may be dropped on another.

use std::marker::PhantomData;

#[cfg(loom)]
use loom::sync::atomic::{AtomicI64, Ordering, fence};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicI64, Ordering, fence};

#[cfg(all(test, loom))]
#[path = "count/models.rs"]
mod models;

/// What one participant holds of the total.
pub(crate) const UNIT: i64 = 1 << 40;

/// A participant adds its own sum to the total when that sum is this far from zero.
pub(crate) const MERGE_EVERY: i64 = 1 << 20;

/// Nobody joins beyond this total: two million participants.
const CROWDED: i64 = 1 << 61;

/// Beyond this total the process is ended, as `Arc` does. Only forgotten references can lead there.
const OVERFLOW: i64 = 1 << 62;

/// The parts of the protocol that the loom models take away one at a time, to show that each is needed.
pub(crate) trait Rules {
    /// Pairs with [`ACQUIRE`](Self::ACQUIRE): what a thread did with the data before it gave up its share or
    /// its reference happens before the destruction.
    const RELEASE: Ordering = Ordering::Release;
    /// Whether the thread that reaches zero acquires what all others released.
    const ACQUIRE: bool = true;
    /// Whether joining refuses a total that has been zero.
    const TERMINAL: bool = true;
}

/// The rules as they must be.
pub(crate) struct Sound;

impl Rules for Sound {}

/// The shared total. Interior mutability only, so a shared borrow of it promises nothing about the memory
/// once the call that used it has made its last access.
pub(crate) struct Total<R = Sound> {
    sum: AtomicI64,
    rules: PhantomData<R>,
}

impl<R: Rules> Total<R> {
    /// A total with one participant, whoever calls this.
    pub(crate) fn new() -> Self {
        Self {
            sum: AtomicI64::new(UNIT),
            rules: PhantomData,
        }
    }

    /// Joins as a participant, unless all is over already.
    ///
    /// Relaxed suffices: the newcomer learns of the data by other means, and what it does with them is
    /// released when it leaves.
    #[must_use]
    pub(crate) fn join(&self) -> bool {
        let mut sum = self.sum.load(Ordering::Relaxed);
        loop {
            if (sum == 0 && R::TERMINAL) || sum >= CROWDED {
                return false;
            }
            match self
                .sum
                .compare_exchange_weak(sum, sum + UNIT, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(seen) => sum = seen,
            }
        }
    }

    /// Adds a participant's own sum while it stays one.
    ///
    /// Relaxed, even when references were dropped: this can't lead to zero, and the participant's later
    /// [`leave`](Self::leave) releases what came before this.
    pub(crate) fn merge(&self, own: i64) {
        check(self.sum.fetch_add(own, Ordering::Relaxed));
    }

    /// Ends the caller's part and adds its own sum. True if that was the end of it all.
    #[must_use]
    pub(crate) fn leave(&self, own: i64) -> bool {
        self.add(own - UNIT)
    }

    /// Counts one more reference for a thread that takes no part. Relaxed, as in `Arc::clone`: the caller
    /// has a reference already, which keeps the total from zero.
    pub(crate) fn retain(&self) {
        check(self.sum.fetch_add(1, Ordering::Relaxed));
    }

    /// Counts one reference less for a thread that takes no part. True if that was the end of it all.
    #[must_use]
    pub(crate) fn release(&self) -> bool {
        self.add(-1)
    }

    /// Adds to the total, and says whether it became zero, which happens once.
    fn add(&self, by: i64) -> bool {
        // Release: pairs with the fence below in whichever thread reaches zero. All changes of the total are
        // read-modify-writes, so that thread reads from the release sequence of each of them.
        let before = self.sum.fetch_add(by, R::RELEASE);
        if before + by != 0 {
            return false;
        }
        if R::ACQUIRE {
            // Acquire: pairs with the `R::RELEASE` above in every thread that gave something up.
            fence(Ordering::Acquire);
        }
        true
    }
}

fn check(before: i64) {
    if before >= OVERFLOW {
        std::process::abort();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_participant_keeps_the_total_from_zero_whatever_its_own_sum() {
        let total = Total::<Sound>::new();
        assert!(total.join());
        total.retain();
        assert!(!total.release());
        // References made by the first participant and dropped by the second, not yet added by the first.
        total.merge(-MERGE_EVERY);
        assert!(!total.leave(0));
        assert!(total.leave(MERGE_EVERY));
    }

    #[test]
    fn an_escaped_reference_is_the_last_to_go() {
        let total = Total::<Sound>::new();
        assert!(!total.leave(2));
        assert!(!total.release());
        assert!(total.release());
    }

    #[test]
    fn nobody_joins_after_zero() {
        let total = Total::<Sound>::new();
        assert!(total.leave(0));
        assert!(!total.join());
    }

    #[test]
    fn nobody_joins_a_crowd() {
        let total = Total::<Sound>::new();
        total.merge(CROWDED);
        assert!(!total.join());
    }
}
