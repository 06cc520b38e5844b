//! When to dial: at once after a loss, then no more often than the debounce allows.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far apart dials that fail are at least, without a pause as well: a dead server is not dialled in a tight loop.
pub(super) const BREATH: Duration = Duration::from_millis(1);

/// Decides when the next dial may begin. Pure: told what happened and when, it says when to go on.
///
/// The first dial and the first reconnect are free. A dial that follows another reconnect, or a dial that failed,
/// begins no sooner than `pause` plus up to `jitter` after that one began.
#[derive(Clone, Debug)]
pub(super) struct Debounce {
    pause: Duration,
    jitter: Duration,
    /// When the last dial began that the next one must keep its distance from.
    last: Option<Instant>,
    has_dialled: bool,
    has_failed: bool,
}

impl Debounce {
    pub(super) fn new(pause: Duration, jitter: Duration) -> Self {
        Self {
            pause,
            jitter,
            last: None,
            has_dialled: false,
            has_failed: false,
        }
    }

    /// When the next dial may begin; `random` in `0.0..=1.0` says how much of the jitter to take.
    pub(super) fn next(&self, now: Instant, random: f64) -> Instant {
        match self.last {
            Some(last) if !self.pause.is_zero() => {
                now.max(last + self.pause + self.jitter.mul_f64(random.clamp(0.0, 1.0)))
            }
            Some(last) if self.has_failed => now.max(last + BREATH),
            _ => now,
        }
    }

    /// A dial begins.
    pub(super) fn dialled(&mut self, now: Instant) {
        self.has_failed = false;
        if self.has_dialled {
            self.last = Some(now);
        } else {
            self.has_dialled = true;
        }
    }

    /// The dial that began at `began` failed: the next one keeps its distance even from the very first.
    pub(super) fn failed(&mut self, began: Instant) {
        self.last = Some(began);
        self.has_failed = true;
    }
}

/// A dial under way. Given up before it has an outcome, it counts for nothing: what it was begun for has gone, as the live
/// connection has that was to be replaced, and the next dial is for something else.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    debounce: &'a mut Debounce,
    before: Option<Debounce>,
}

impl<'a> Attempt<'a> {
    pub(super) fn begin(debounce: &'a mut Debounce, now: Instant) -> Self {
        let before = Some(debounce.clone());
        debounce.dialled(now);
        Self { debounce, before }
    }

    /// It has an outcome.
    pub(super) fn end(mut self) {
        self.before = None;
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(before) = self.before.take() {
            *self.debounce = before;
        }
    }
}

/// Waits until a moment, not at all if it has come: the shortest of Tokio's timers takes a millisecond, longer than the
/// whole of a reconnect on a fast network.
pub(super) async fn until(moment: Instant) {
    if moment > Instant::now() {
        sleep_until(moment).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_millis(1500);
    const JITTER: Duration = Duration::from_millis(500);

    fn debounce() -> (Debounce, Instant) {
        (Debounce::new(PAUSE, JITTER), Instant::now())
    }

    #[test]
    fn the_first_dial_and_the_first_reconnect_are_immediate() {
        let (mut debounce, start) = debounce();
        assert_eq!(debounce.next(start, 1.0), start);
        debounce.dialled(start);
        let lost = start + Duration::from_millis(1);
        assert_eq!(debounce.next(lost, 1.0), lost);
    }

    #[test]
    fn the_second_reconnect_keeps_its_distance_from_the_first() {
        let (mut debounce, start) = debounce();
        debounce.dialled(start);
        let first = start + Duration::from_millis(10);
        debounce.dialled(first);
        let lost = first + Duration::from_millis(90);
        assert_eq!(debounce.next(lost, 0.0), first + PAUSE);
        assert_eq!(debounce.next(lost, 1.0), first + PAUSE + JITTER);
    }

    #[test]
    fn a_reconnect_long_after_the_last_one_is_immediate() {
        let (mut debounce, start) = debounce();
        debounce.dialled(start);
        debounce.dialled(start);
        let lost = start + Duration::from_secs(60);
        assert_eq!(debounce.next(lost, 1.0), lost);
    }

    #[test]
    fn a_failed_first_dial_is_not_repeated_at_once() {
        let (mut debounce, start) = debounce();
        debounce.dialled(start);
        debounce.failed(start);
        assert_eq!(debounce.next(start, 0.0), start + PAUSE);
    }

    /// What a stepped clock could change is when things are, never how far they are apart.
    #[test]
    fn row_38_decisions_follow_from_differences_alone() {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        let decisions = |start: Instant| {
            let after = |millis| start + Duration::from_millis(millis);
            let mut debounce = Debounce::new(PAUSE, JITTER);
            let mut decisions = Vec::new();
            debounce.dialled(start);
            decisions.push(debounce.next(after(10), 0.5));
            debounce.dialled(after(10));
            decisions.push(debounce.next(after(50), 0.5));
            debounce.dialled(after(1800));
            debounce.failed(after(1800));
            decisions.push(debounce.next(after(1900), 1.0));
            decisions.push(debounce.next(after(9000), 0.0));
            decisions
                .into_iter()
                .map(|decision| decision - start)
                .collect::<Vec<_>>()
        };
        let now = Instant::now() + 2 * HOUR;
        assert_eq!(decisions(now), [10, 1760, 3800, 9000].map(Duration::from_millis));
        assert_eq!(decisions(now + HOUR), decisions(now));
        assert_eq!(decisions(now - HOUR), decisions(now));
    }

    #[test]
    fn a_dial_that_is_given_up_counts_for_nothing() {
        let (mut debounce, start) = debounce();
        debounce.dialled(start);
        drop(Attempt::begin(&mut debounce, start));
        assert_eq!(debounce.next(start, 1.0), start);
        Attempt::begin(&mut debounce, start).end();
        assert_eq!(debounce.next(start, 0.0), start + PAUSE);
    }

    #[test]
    fn without_a_pause_every_dial_is_immediate() {
        let start = Instant::now();
        let mut debounce = Debounce::new(Duration::ZERO, JITTER);
        debounce.dialled(start);
        debounce.dialled(start);
        assert_eq!(debounce.next(start, 1.0), start);
        debounce.failed(start);
        assert_eq!(debounce.next(start, 1.0), start + BREATH);
        debounce.dialled(start);
        assert_eq!(debounce.next(start, 1.0), start);
    }

    #[test]
    fn a_moment_that_has_come_is_not_waited_for() {
        let mut waiting = std::pin::pin!(until(Instant::now()));
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        // No runtime here whose timer could be asked.
        assert!(waiting.as_mut().poll(&mut cx).is_ready());
    }
}
