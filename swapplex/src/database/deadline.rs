//! Waiting with an end, wherever the caller is polled.
//!
//! Tokio's timers panic when their runtime has ended. That never happens to its workers, which end first; but futures are
//! also polled by threads that have only entered a runtime, and outlive it.

use std::future::Future;
use std::pin::pin;

use tokio::runtime::{self, Handle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Waits for something that ends with the runtime by itself; `None` where it takes longer than until `limit`, or the time
/// can't be told, outside of a runtime.
pub(super) async fn within<F: Future>(limit: Instant, future: F) -> Option<F::Output> {
    let Ok(handle) = Handle::try_current() else {
        return None;
    };
    let mut future = pin!(future);
    if runtime::worker_index().is_some() {
        return timeout_at(limit, future).await.ok();
    }
    // A task is dropped with its runtime, and this one while it is waited for, if that comes to an end.
    let mut timer = JoinSet::new();
    timer.spawn_on(sleep_until(limit), &handle);
    tokio::select! {
        biased;
        output = &mut future => Some(output),
        // Where the timer was dropped, `future` is about to end.
        Some(Ok(())) = timer.join_next() => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};
    use std::task::{Context, Poll, Waker};
    use std::thread;
    use std::time::Duration;

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
}
