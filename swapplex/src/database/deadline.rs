//! Waiting with an end, wherever the caller is polled.
//!
//! Tokio's timers belong to a runtime, and don't end well with it: they fire, or panic when they are looked at. That
//! happens to none of its tasks, which end first; but futures are also polled by threads that have only entered a runtime, or
//! block on it, or are in the context of another one, and outlive it. So a timer that fires early or panics is nothing
//! but gone. (The panic is caught where it is made, and the program's hook for panics hears of it.)

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

use tokio::runtime::Handle;
use tokio::task::unconstrained;
use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for something that ends with this runtime by itself; `None` where it takes longer than until `limit`, or the time
/// can't be told, outside of a runtime.
///
/// What is pinned is handed in as that, so that futures like those of a thousand callers hold it but once.
pub(super) async fn within<F: Future + Unpin>(limit: Instant, future: F) -> Option<F::Output> {
    let runtime = Handle::try_current().ok()?;
    within_on(&runtime, limit, future).await
}

/// The same for something that ends with `runtime`, which may be another one than this.
pub(super) async fn within_on<F: Future + Unpin>(
    runtime: &Handle,
    limit: Instant,
    mut future: F,
) -> Option<F::Output> {
    // A task that has used its budget up on the future must hear the timer all the same.
    let mut timer = pin!(unconstrained(timer(runtime, limit)));
    let mut is_gone = false;
    poll_fn(|cx| {
        if let Poll::Ready(output) = Pin::new(&mut future).poll(cx) {
            return Poll::Ready(Some(output));
        }
        if !is_gone {
            match catch_unwind(AssertUnwindSafe(|| timer.as_mut().poll(cx))) {
                Ok(Poll::Pending) => {}
                Ok(Poll::Ready(())) if Instant::now() >= limit => return Poll::Ready(None),
                // With its runtime, and so what is waited for is about to end.
                Ok(Poll::Ready(())) | Err(_) => is_gone = true,
            }
        }
        Poll::Pending
    })
    .await
}

/// One of that runtime.
fn timer(runtime: &Handle, limit: Instant) -> Sleep {
    let _context = runtime.enter();
    sleep_until(limit)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};
    use std::thread;
    use std::time::Duration;

    use futures_util::FutureExt;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    fn runtime() -> Runtime {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(1).enable_time().build().unwrap()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(10)
    }

    /// Polls on this thread, which is nobody's worker.
    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    #[test]
    fn a_wait_has_an_end_on_every_thread() {
        let runtime = runtime();
        let worker = runtime.spawn(async { within(soon(), pending::<()>()).await });
        assert_eq!(runtime.block_on(worker).unwrap(), None);
        assert_eq!(
            runtime.block_on(async { within(soon(), pending::<()>()).await }),
            None
        );
        let _context = runtime.enter();
        assert_eq!(block_on(within(soon(), pending::<()>())), None);
        assert_eq!(block_on(within(soon(), ready("there"))), Some("there"));
    }

    #[test]
    fn a_wait_for_another_runtime_has_an_end_even_where_its_own_has_ended() {
        let (runtime, other) = (runtime(), runtime());
        let handle = runtime.handle().clone();
        let own = other.spawn(async move { within_on(&handle, soon(), pending::<()>()).await });
        assert_eq!(runtime.block_on(own).unwrap(), None);
        let _context = other.enter();
        let mut wait = pin!(within_on(runtime.handle(), soon(), pending::<()>()));
        assert_eq!(wait.as_mut().now_or_never(), None);
        other.shutdown_timeout(Duration::from_secs(10));
        assert_eq!(block_on(wait), None);
    }

    #[test]
    fn without_a_runtime_there_is_no_wait() {
        assert_eq!(block_on(within(soon(), pending::<()>())), None);
    }

    #[test]
    fn what_ends_with_the_runtime_is_seen_to_end() {
        let mut ending = Some(runtime());
        let handle = ending.as_ref().map(|runtime| runtime.handle().clone()).unwrap();
        let _context = handle.enter();
        // Pending at first, and the timers gone before anybody looks at them.
        let ends = poll_fn(|_| match ending.take() {
            Some(runtime) => {
                runtime.shutdown_timeout(Duration::from_secs(10));
                Poll::Pending
            }
            None => Poll::Ready("ended"),
        });
        let late = Instant::now() + Duration::from_secs(60);
        assert_eq!(block_on(within(late, ends)), Some("ended"));
    }

    #[test]
    fn a_timer_that_its_runtime_has_ended_is_no_deadline() {
        let runtime = runtime();
        let handle = runtime.handle().clone();
        let _context = handle.enter();
        let mut polls = 0;
        let ends = poll_fn(|_| {
            polls += 1;
            if polls == 3 {
                Poll::Ready("ended")
            } else {
                Poll::Pending
            }
        });
        let late = Instant::now() + Duration::from_secs(60);
        let mut wait = pin!(within(late, ends));
        assert_eq!(wait.as_mut().now_or_never(), None);
        runtime.shutdown_timeout(Duration::from_secs(10));
        assert_eq!(wait.as_mut().now_or_never(), None);
        assert_eq!(wait.as_mut().now_or_never(), Some(Some("ended")));
    }
}
