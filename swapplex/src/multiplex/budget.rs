//! How much may be under way on one connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

use crate::sync::notify;

/// What may be under way at a time, and who waits for room; see the [module](self).
///
/// What the hot path reads of it may be outdated by then, so it is a bound for the many, not to the byte.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    weight: AtomicUsize,
    /// The longest request that has waited in vain, while others who need less were quicker; 0 where none has. Nobody is let
    /// in until there is room for it. That ends by itself, whether or not anybody still wants to send it.
    reserved: AtomicUsize,
    changed: Notify,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            weight: AtomicUsize::new(0),
            reserved: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// Whether a request of `length` bytes may go.
    pub(super) fn has_room(&self, length: usize) -> bool {
        self.reserved.load(Ordering::Relaxed) == 0 && self.fits(self.weight.load(Ordering::Relaxed), length)
    }

    fn fits(&self, weight: usize, length: usize) -> bool {
        // A request larger than the whole budget is let in alone.
        weight == 0 || weight + length <= self.limit
    }

    /// Notes what is under way now. True where there may be room for those who wait, who are then to be told.
    #[must_use]
    pub(super) fn publish(&self, weight: usize) -> bool {
        // Pairs with `reserve`: either this sees the reservation, or that sees the weight.
        let before = self.weight.swap(weight, Ordering::SeqCst);
        let is_met = self.meet_reservation(weight);
        weight < before || is_met
    }

    /// Tells those who wait that there may be room. Runs their wakers, so no lock may be held.
    pub(super) fn tell(&self) {
        notify(|| self.changed.notify_waiters());
    }

    /// Waits until a request of `length` bytes may go.
    pub(super) async fn room(&self, length: usize) {
        let mut was_in_vain = false;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.has_room(length) {
                return;
            }
            if was_in_vain {
                self.reserve(length);
            }
            changed.await;
            was_in_vain = true;
        }
    }

    fn reserve(&self, length: usize) {
        self.reserved.fetch_max(length, Ordering::SeqCst);
        if self.meet_reservation(self.weight.load(Ordering::SeqCst)) {
            self.tell();
        }
    }

    /// Lets others in again, if there was a reservation and there is room for it.
    fn meet_reservation(&self, weight: usize) -> bool {
        let reserved = self.reserved.load(Ordering::SeqCst);
        let is_met = reserved != 0 && self.fits(weight, reserved);
        if is_met {
            self.reserved.store(0, Ordering::SeqCst);
        }
        is_met
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn publish(budget: &Budget, weight: usize) {
        if budget.publish(weight) {
            budget.tell();
        }
    }

    #[test]
    fn who_has_waited_in_vain_is_not_overtaken_by_those_who_need_less() {
        let budget = Budget::new(100);
        let mut cx = Context::from_waker(Waker::noop());
        publish(&budget, 50);
        assert!(budget.has_room(10));
        let mut large = pin!(budget.room(1000));
        assert!(large.as_mut().poll(&mut cx).is_pending());
        assert!(budget.has_room(10), "it has not waited in vain yet");
        publish(&budget, 30);
        assert!(large.as_mut().poll(&mut cx).is_pending());
        assert!(!budget.has_room(10));
        let mut small = pin!(budget.room(10));
        assert!(small.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 0);
        assert_eq!(large.as_mut().poll(&mut cx), Poll::Ready(()));
        assert_eq!(
            small.as_mut().poll(&mut cx),
            Poll::Ready(()),
            "there is room for both"
        );
    }

    #[test]
    fn who_is_not_polled_any_more_keeps_nobody_waiting() {
        let budget = Budget::new(100);
        let mut cx = Context::from_waker(Waker::noop());
        publish(&budget, 95);
        let mut abandoned = pin!(budget.room(20));
        assert!(abandoned.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 90);
        assert!(abandoned.as_mut().poll(&mut cx).is_pending());
        let mut other = pin!(budget.room(5));
        assert!(other.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 85);
        assert!(other.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 80);
        assert_eq!(other.as_mut().poll(&mut cx), Poll::Ready(()));
    }

    #[test]
    fn what_was_reserved_when_there_is_room_already_is_let_in() {
        let budget = Budget::new(100);
        let mut cx = Context::from_waker(Waker::noop());
        publish(&budget, 100);
        let mut room = pin!(budget.room(60));
        assert!(room.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 50);
        assert!(room.as_mut().poll(&mut cx).is_pending());
        publish(&budget, 0);
        publish(&budget, 30);
        assert_eq!(room.as_mut().poll(&mut cx), Poll::Ready(()));
    }
}
