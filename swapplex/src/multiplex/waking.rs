//! Wakes the tasks whose answers came together in one go, so that Tokio's workers are not woken for one or two of them
//! at a time.
//!
//! Whenever a worker of Tokio's multi-thread runtime has two tasks to run, it wakes a sleeping worker to help. Where
//! tasks are woken one after the other, that is at the second one. On a busy machine the helper gets the very processor
//! that they are being woken on: it runs those two, finds nothing else to do, and sleeps until it is woken for the next
//! two. But what a worker wakes when it has run out of ready tasks, its *deferred* wakers, is all awake before it looks
//! for help. So that is where a crowd is woken.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, RawWakerVTable, Wake, Waker};
use std::time::Duration;
use std::{mem, ptr};

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::sync::{lock, wake};

/// Fewer than these are woken at once.
const CROWD: usize = 16;
/// No more than these are kept waiting for each other.
const MOST: usize = 2048;
/// A crowd that has waited for so long is woken by the driver: a task must be blocking the worker that was to do it.
pub(super) const OVERSLEPT: Duration = Duration::from_millis(2);

/// Callers to wake; see the [module](self).
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact, and all go together"
)]
pub(super) struct Waking {
    /// Those who have just been given an answer.
    pub(super) answered: Vec<Waker>,
    /// Tasks that were given one since the driver began to look.
    tasks: Vec<Waker>,
    /// Keys shared a command for some of them.
    has_groups: bool,
    /// Others were, and are awake.
    pub(super) has_woken: bool,
    late: Arc<Late>,
    /// Some may not be awake yet.
    pub(super) has_late: bool,
    /// What wakers of tasks have in common.
    task: Option<&'static RawWakerVTable>,
    /// The driver's runtime has no other workers.
    is_single: bool,
}

impl Waking {
    /// For a driver on the runtime that this is called on.
    pub(super) fn new() -> Self {
        let mut this = Self::default();
        let is_single = |handle: Handle| handle.runtime_flavor() == RuntimeFlavor::CurrentThread;
        this.is_single = Handle::try_current().is_ok_and(is_single);
        this
    }

    /// To be called before the rest, with the waker of the task that calls it.
    pub(super) fn begin(&mut self, own: &Waker) {
        self.task = Some(own.vtable());
        (self.has_groups, self.has_woken) = (false, false);
        self.wake_late();
    }

    /// Wakes those who have just been given an answer; tasks at the [end](Self::finish).
    pub(super) fn wake_answered(&mut self, has_groups: bool) {
        self.has_groups |= has_groups;
        let is_task = |waker: &Waker| self.task.is_some_and(|task| ptr::eq(waker.vtable(), task));
        // Others may do anything when they are woken, and Tokio must not be in the middle of its list then.
        if self.answered.iter().all(is_task) && self.tasks.len() + self.answered.len() <= MOST {
            self.tasks.append(&mut self.answered);
        } else {
            self.has_woken = true;
            wake(self.answered.drain(..));
        }
    }

    /// Wakes the tasks that were given an answer, a crowd as soon as the worker has run those that are ready.
    ///
    /// All of them in one way. Tokio tells no other worker of a single task that is woken: a crowd would wait until that
    /// has run, and nobody would look at the driver's timer meanwhile.
    pub(super) fn finish(&mut self) {
        if !self.is_crowd() {
            self.has_woken |= !self.tasks.is_empty();
            wake(self.tasks.drain(..));
            return;
        }
        if mem::take(&mut self.has_woken) {
            // Where there is a single one already, two more have another worker come.
            let last = self.tasks.pop();
            wake(self.tasks.drain(..1).chain(last));
        }
        lock(&self.late.0).append(&mut self.tasks);
        self.has_late = true;
        // Tokio's own way to get among the deferred wakers. This one is not a task's, and nothing is polled again.
        let late = Waker::from(Arc::clone(&self.late));
        let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&late));
    }

    /// Wakes those who wait for the worker.
    pub(super) fn wake_late(&mut self) {
        if mem::take(&mut self.has_late) {
            self.late.wake_all();
        }
    }

    /// Whether there are many, and not many futures of one task only, where that is worth its while.
    ///
    /// Where keys share commands, 512 tasks take 1.02 to 1.14 of the time with it, and on a current-thread runtime, which
    /// has no other worker, 1.16 (loopback, two processors, 40 to 120 paired turns).
    fn is_crowd(&self) -> bool {
        let [first, .., last] = &*self.tasks else {
            return false;
        };
        let is_crowd = self.tasks.len() >= CROWD && !first.will_wake(last);
        is_crowd && !self.has_groups && !self.is_single
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        // Those that were answered when the driver panicked, or when the runtime ended under it.
        wake(self.answered.drain(..).chain(self.tasks.drain(..)));
        self.late.wake_all();
    }
}

/// A crowd that sleeps until this is woken.
#[derive(Debug, Default)]
struct Late(Mutex<Vec<Waker>>);

impl Late {
    fn wake_all(&self) {
        let mut crowd = mem::take(&mut *lock(&self.0));
        if crowd.is_empty() {
            return;
        }
        wake(crowd.drain(..));
        let mut late = lock(&self.0);
        if late.capacity() == 0 {
            // For its memory.
            *late = crowd;
        }
    }
}

impl Wake for Late {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use std::future;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Poll;

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    #[derive(Clone, Default)]
    struct Count(Arc<AtomicUsize>);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.add();
        }
    }

    impl Count {
        fn add(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn get(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn answer(waking: &mut Waking, own: &Waker, wakers: &[Waker]) {
        waking.begin(own);
        waking.answered.extend_from_slice(wakers);
        waking.wake_answered(false);
    }

    /// Wakers of as many tasks as make a crowd.
    fn crowd() -> (Count, Vec<Waker>) {
        let woken = Count::default();
        let wakers = (0..CROWD).map(|_| Arc::new(woken.clone()).into()).collect();
        (woken, wakers)
    }

    #[tokio::test]
    async fn a_crowd_of_tasks_is_woken_after_those_that_are_ready() {
        let (sleepers, running) = (Arc::new(Mutex::default()), Count::default());
        let mut tasks = JoinSet::new();
        for _ in 0..CROWD {
            let (sleepers, running) = (Arc::clone(&sleepers), running.clone());
            let mut has_slept = false;
            tasks.spawn(future::poll_fn(move |cx| {
                if mem::replace(&mut has_slept, true) {
                    running.add();
                    return Poll::Ready(());
                }
                lock::<Vec<Waker>>(&sleepers).push(cx.waker().clone());
                Poll::Pending
            }));
        }
        yield_now().await;
        let reads = tokio::spawn(async move {
            let own = future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            let mut waking = Waking::default();
            answer(&mut waking, &own, &lock(&sleepers));
            waking.finish();
            assert!(waking.has_late);
            let was_ready = tokio::spawn(async move { running.get() });
            // Neither waits for anybody to come back to what wakes them.
            tasks.join_all().await;
            assert_eq!(was_ready.await.unwrap(), 0);
            assert!(waking.has_late);
        });
        reads.await.unwrap();
    }

    #[test]
    fn a_crowd_is_woken_at_once_where_there_is_no_runtime() {
        let (woken, wakers) = crowd();
        let mut waking = Waking::default();
        answer(&mut waking, &wakers[0], &wakers);
        waking.finish();
        assert_eq!(woken.get(), CROWD);
    }

    #[tokio::test]
    async fn where_a_crowd_gains_nothing_it_is_woken_at_the_end() {
        let (woken, wakers) = crowd();
        let of_one_task = vec![wakers[0].clone(); CROWD];
        let (few, many) = (&wakers[1..], &wakers[..]);
        let mut expected = 0;
        for (wakers, is_single, has_groups) in [
            (few, false, false),
            (&of_one_task, false, false),
            (many, Waking::new().is_single, false),
            (many, false, true),
        ] {
            let mut waking = Waking::default();
            waking.is_single = is_single;
            answer(&mut waking, &wakers[0], wakers);
            waking.wake_answered(has_groups);
            waking.finish();
            expected += wakers.len();
            assert_eq!(woken.get(), expected);
            assert!(!waking.has_late);
        }
    }

    #[tokio::test]
    async fn those_of_another_kind_are_woken_at_once_and_so_are_too_many() {
        let (woken, mut wakers) = crowd();
        let own = wakers[0].clone();
        wakers.push(Waker::noop().clone());
        answer(&mut Waking::default(), &own, &wakers);
        assert_eq!(woken.get(), CROWD);

        wakers.pop();
        let mut waking = Waking::default();
        for _ in 0..MOST / CROWD {
            answer(&mut waking, &own, &wakers);
        }
        assert_eq!(woken.get(), CROWD);
        answer(&mut waking, &own, &wakers);
        assert_eq!(woken.get(), 2 * CROWD);
    }

    #[tokio::test]
    async fn two_of_a_crowd_are_woken_at_once_where_somebody_is_awake_already() {
        let (woken, wakers) = crowd();
        let mut waking = Waking::default();
        answer(&mut waking, &wakers[0], &wakers);
        waking.has_woken = true;
        waking.finish();
        assert_eq!(woken.get(), 2);
        yield_now().await;
        assert_eq!(woken.get(), CROWD);
    }

    #[tokio::test]
    async fn a_crowd_that_still_sleeps_is_woken_by_the_driver_when_it_comes_by_and_when_it_goes() {
        for goes in [false, true] {
            let (woken, wakers) = crowd();
            let mut waking = Waking::default();
            answer(&mut waking, &wakers[0], &wakers);
            waking.finish();
            assert_eq!(woken.get(), 0);
            if goes {
                drop(waking);
            } else {
                waking.begin(&wakers[0]);
                assert!(!waking.has_late);
            }
            assert_eq!(woken.get(), CROWD);
        }
    }
}
