//! How much may be under way on one connection.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// What may be under way at a time, and who waits for room; see the [module](self).
///
/// Only read on the hot path. What it says may be outdated by then, so it is a bound for the many, not to the byte.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    weight: AtomicUsize,
    /// How much room is kept for one who has waited in vain; 0 where nobody has.
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
        let reserved = self.reserved.load(Ordering::Relaxed);
        if reserved != 0 && reserved != length {
            return false;
        }
        let weight = self.weight.load(Ordering::Relaxed);
        // A request larger than the whole budget is let in alone.
        weight == 0 || weight + length <= self.limit
    }

    /// Notes what is under way now.
    pub(super) fn publish(&self, weight: usize) {
        if weight < self.weight.swap(weight, Ordering::Relaxed) {
            self.wake();
        }
    }

    /// Has everybody who waits look again.
    pub(super) fn wake(&self) {
        self.changed.notify_waiters();
    }

    /// Waits until a request of `length` bytes may go, or there `is_no_more` to wait for.
    ///
    /// Where others, who need less room, are quicker again and again, they are made to wait in turn.
    pub(super) async fn room(&self, length: usize, is_no_more: impl Fn() -> bool) {
        let mut reservation = None;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.has_room(length) || is_no_more() {
                return;
            }
            changed.await;
            reservation = reservation.or_else(|| Reservation::new(self, length));
        }
    }
}

/// Keeps others from going before one who has waited in vain.
struct Reservation<'a>(&'a Budget);

impl<'a> Reservation<'a> {
    /// `None` where somebody else has one.
    fn new(budget: &'a Budget, length: usize) -> Option<Self> {
        budget
            .reserved
            .compare_exchange(0, length, Ordering::Relaxed, Ordering::Relaxed)
            .ok()
            .map(|_| Self(budget))
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.0.reserved.store(0, Ordering::Relaxed);
        self.0.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn who_has_waited_in_vain_goes_before_those_who_need_less() {
        let budget = Budget::new(100);
        let mut cx = Context::from_waker(Waker::noop());
        budget.publish(50);
        assert!(budget.has_room(10));
        {
            let mut large = pin!(budget.room(1000, || false));
            assert!(large.as_mut().poll(&mut cx).is_pending());
            assert!(budget.has_room(10), "it has not waited in vain yet");
            budget.publish(30);
            assert!(large.as_mut().poll(&mut cx).is_pending());
            assert!(!budget.has_room(10));
            let mut small = pin!(budget.room(10, || false));
            assert!(small.as_mut().poll(&mut cx).is_pending());
            budget.publish(0);
            assert_eq!(large.as_mut().poll(&mut cx), Poll::Ready(()));
            assert_eq!(
                small.as_mut().poll(&mut cx),
                Poll::Ready(()),
                "there is room for both"
            );
        }
        budget.publish(95);
        {
            let mut given_up = pin!(budget.room(1000, || false));
            assert!(given_up.as_mut().poll(&mut cx).is_pending());
            budget.publish(90);
            assert!(given_up.as_mut().poll(&mut cx).is_pending());
            assert!(!budget.has_room(10));
        }
        assert!(budget.has_room(10), "it waits no more");
    }

    #[test]
    fn nobody_waits_where_there_is_nothing_to_wait_for() {
        let budget = Budget::new(100);
        budget.publish(100);
        let mut room = pin!(budget.room(1, || true));
        assert!(
            room.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        );
    }
}
