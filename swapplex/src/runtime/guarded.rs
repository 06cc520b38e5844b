//! The runtime itself: Tokio's, with a share in its barrier.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{EnterGuard, Handle};
use tokio::task::JoinHandle;

use super::barrier::Barrier;
use super::{Builder, attach, end};

/// A Tokio runtime whose threads meet at a barrier before their handed-out data are destroyed.
///
/// Its drop first brings what is under way to a graceful end (see [`Builder::on_end`]), then stops the threads, as
/// Tokio's does, and gives up its share in the barrier.
///
/// # Panics
///
/// Dropping it panics in an async context, as with Tokio, and on one of its own threads, which would wait for
/// itself otherwise. In both cases the threads go when they are done, and their data with the last of them.
///
/// # Examples
///
/// ```
/// use swapplex::runtime::Runtime;
///
/// let runtime = Runtime::new()?;
/// assert_eq!(runtime.run(async { 6 * 7 }), 42);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Runtime {
    /// Always there but while it is being dropped.
    inner: Option<tokio::runtime::Runtime>,
    /// Given up after the threads are joined.
    share: Share,
    deadline: Duration,
}

/// The runtime's own part in its barrier.
pub(super) struct Share(pub(super) Arc<Barrier>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.leave(0);
    }
}

impl Runtime {
    /// A multi-thread runtime with everything enabled: `Builder::new_multi_thread().enable_all().build()`.
    ///
    /// # Errors
    ///
    /// Those of the operating system: no threads, no file descriptors left.
    pub fn new() -> io::Result<Self> {
        Builder::new_multi_thread().enable_all().build()
    }

    pub(super) fn assemble(inner: tokio::runtime::Runtime, share: Share, deadline: Duration) -> Self {
        Self {
            inner: Some(inner),
            share,
            deadline,
        }
    }

    fn inner(&self) -> &tokio::runtime::Runtime {
        match &self.inner {
            Some(inner) => inner,
            None => unreachable!("a runtime is empty only while it is dropped"),
        }
    }

    /// Runs a future on this runtime, ends the runtime gracefully, and gives the future's output.
    ///
    /// This is what `#[swapplex::main]` and `#[swapplex::test]` call.
    ///
    /// # Panics
    ///
    /// With the future's panic, after the graceful end; else with an ending's; and in an async context.
    #[track_caller]
    pub fn run<F: Future>(self, future: F) -> F::Output {
        let output = self.block_on(future);
        drop(self);
        output
    }

    /// Runs a future on this runtime; the current thread belongs to the runtime meanwhile.
    ///
    /// # Panics
    ///
    /// With the future's panic, and in an async context.
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let _attached = attach::scope(&self.share.0);
        self.inner().block_on(future)
    }

    /// Starts a task.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.inner().spawn(future)
    }

    /// Runs a function on a thread where blocking is acceptable.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, function: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.inner().spawn_blocking(function)
    }

    /// Tokio's handle to this runtime. A thread that enters it, or calls its `block_on`, doesn't belong to the
    /// runtime: references are valid there, and cost as much as on any other thread.
    pub fn handle(&self) -> &Handle {
        self.inner().handle()
    }

    /// Makes this the runtime that the current thread spawns on.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.inner().enter()
    }

    /// Ends the runtime within a time, even if blocking calls are still under way.
    ///
    /// The data of a thread that is left behind, and all others of this runtime, stay until that thread ends.
    pub fn shutdown_timeout(mut self, limit: Duration) {
        let started = Instant::now();
        let deadline = limit.min(self.deadline);
        let panic = if attach::is_own_thread(&self.share.0) {
            None
        } else {
            end::run(self.inner(), &self.share.0, deadline)
        };
        if let Some(inner) = self.inner.take() {
            inner.shutdown_timeout(limit.saturating_sub(started.elapsed()));
        }
        drop(self);
        end::rethrow(panic);
    }

    /// Ends the runtime without waiting for anything, from any context. Nothing is settled, no ending runs.
    pub fn shutdown_background(mut self) {
        if let Some(inner) = self.inner.take() {
            inner.shutdown_background();
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if attach::is_own_thread(&self.share.0) {
            let Some(inner) = self.inner.take() else { return };
            inner.shutdown_background();
            if thread::panicking() {
                return;
            }
            panic!(
                "a swapplex runtime was dropped by one of its own threads, which can't wait for itself to end; \
                 drop it elsewhere, or call `shutdown_background`"
            );
        }
        let Some(inner) = &self.inner else { return };
        let panic = end::run(inner, &self.share.0, self.deadline);
        drop(self.inner.take());
        end::rethrow(panic);
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Runtime").field(self.inner()).finish()
    }
}
