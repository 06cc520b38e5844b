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

use crate::sync::{lock, wake};

/// Fewer than these are woken at once.
const CROWD: usize = 16;
/// A crowd that has waited for so long is woken by the driver: a task must be blocking the worker that was to do it.
pub(super) const OVERSLEPT: Duration = Duration::from_millis(2);

/// Callers to wake; see the [module](self).
#[derive(Debug, Default)]
pub(super) struct Waking {
    /// Those who have an answer by now.
    pub(super) answered: Vec<Waker>,
    late: Arc<Late>,
    /// Some may not be awake yet.
    pub(super) has_late: bool,
    /// What wakers of tasks have in common.
    task: Option<&'static RawWakerVTable>,
}

impl Waking {
    /// Wakes those of the last time who still sleep. `own` is the waker of the task that calls this.
    pub(super) fn catch_up(&mut self, own: &Waker) {
        self.task = Some(own.vtable());
        if mem::take(&mut self.has_late) {
            self.late.wake_all();
        }
    }

    /// Wakes those who have an answer, a crowd as soon as the worker has run the tasks that are ready.
    pub(super) fn wake_answered(&mut self) {
        if self.is_crowd() {
            lock(&self.late.0).append(&mut self.answered);
            self.has_late = true;
            // Tokio's own way to get among the deferred wakers. This one is not a task's, and nothing is polled again.
            let late = Waker::from(Arc::clone(&self.late));
            let _ = pin!(tokio::task::yield_now()).poll(&mut Context::from_waker(&late));
        } else {
            wake(self.answered.drain(..));
        }
    }

    /// Futures that one task polls side by side have wakers of another kind. They wake that task, and it only once.
    fn is_crowd(&self) -> bool {
        let mut answered = self.answered.iter();
        answered.len() >= CROWD
            && answered
                .next()
                .zip(self.task)
                .is_some_and(|(first, task)| ptr::eq(first.vtable(), task))
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        // Those that were answered when the driver panicked, or when the runtime ended under it.
        wake(self.answered.drain(..));
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

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Count {
        fn get(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    fn waking(answered: Vec<Waker>, own: &Waker) -> Waking {
        let mut waking = Waking::default();
        waking.catch_up(own);
        waking.answered = answered;
        waking
    }

    fn crowd() -> (Arc<Count>, Vec<Waker>) {
        let woken = Arc::<Count>::default();
        let wakers = (0..CROWD).map(|_| Arc::clone(&woken).into()).collect();
        (woken, wakers)
    }

    #[tokio::test]
    async fn a_crowd_of_tasks_is_woken_after_those_that_are_ready() {
        let (sleepers, running) = (Arc::new(Mutex::default()), Arc::<Count>::default());
        let mut tasks = JoinSet::new();
        for _ in 0..CROWD {
            let (sleepers, running) = (Arc::clone(&sleepers), Arc::clone(&running));
            let mut has_slept = false;
            tasks.spawn(future::poll_fn(move |cx| {
                if mem::replace(&mut has_slept, true) {
                    running.0.fetch_add(1, Ordering::Relaxed);
                    return Poll::Ready(());
                }
                lock::<Vec<Waker>>(&sleepers).push(cx.waker().clone());
                Poll::Pending
            }));
        }
        yield_now().await;
        let reads = tokio::spawn(async move {
            let own = future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
            let mut waking = waking(mem::take(&mut lock(&sleepers)), &own);
            waking.wake_answered();
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
        let own = wakers[0].clone();
        waking(wakers, &own).wake_answered();
        assert_eq!(woken.get(), CROWD);
    }

    #[tokio::test]
    async fn few_and_those_of_another_kind_are_woken_at_once() {
        let (woken, mut wakers) = crowd();
        waking(wakers.clone(), Waker::noop()).wake_answered();
        assert_eq!(woken.get(), CROWD);
        let own = wakers.pop().unwrap();
        waking(wakers, &own).wake_answered();
        assert_eq!(woken.get(), CROWD + CROWD - 1);
    }

    #[tokio::test]
    async fn a_crowd_that_still_sleeps_is_woken_by_the_driver_when_it_comes_by_and_when_it_goes() {
        for goes in [false, true] {
            let (woken, wakers) = crowd();
            let own = wakers[0].clone();
            let mut waking = waking(wakers, &own);
            waking.wake_answered();
            assert_eq!(woken.get(), 0);
            if goes {
                drop(waking);
            } else {
                waking.catch_up(&own);
                assert!(!waking.has_late);
            }
            assert_eq!(woken.get(), CROWD);
        }
    }
}
