//! Waiting with an end, wherever the caller is polled.
//!
//! Tokio's timers panic when their runtime has ended. That happens to none of its tasks, which end first; but futures are
//! also polled by threads that have only entered a runtime, or are in the context of another one, and outlive it. (A worker
//! inside of `block_in_place` does so too, and nothing tells it from the others.)

use std::future::{Future, pending};

use tokio::runtime::{self, Handle};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

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
    if runtime::worker_index().is_some() && Handle::try_current().is_ok_and(|here| here.id() == runtime.id())
    {
        return timeout_at(limit, future).await.ok();
    }
    tokio::select! {
        biased;
        output = &mut future => Some(output),
        // In a box, so that no worker's future is larger for it.
        () = Box::pin(passed(runtime, limit)) => None,
    }
}

/// Waits until then by another runtime's clock, from any thread, and for ever where that ends: what is waited for ends with
/// it.
async fn passed(runtime: &Handle, limit: Instant) {
    // A task, which is dropped with its runtime, and with this future.
    let mut timer = JoinSet::new();
    // Made by the task, so that it is that runtime's.
    timer.spawn_on(async move { sleep_until(limit).await }, runtime);
    if !matches!(timer.join_next().await, Some(Ok(()))) {
        pending::<()>().await;
    }
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
}
