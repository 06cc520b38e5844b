//! Tokio's builder options that make sense, and those of the graceful end.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::attach;
use super::barrier::{Barrier, lock};
use super::end::{self, Ending};
use super::guarded::{Runtime, Share};

type Hook = Arc<dyn Fn() + Send + Sync>;

/// Builds a [`Runtime`]. The options are Tokio's, by the same names.
///
/// # Examples
///
/// ```
/// use swapplex::runtime::Builder;
///
/// let runtime = Builder::new_multi_thread()
///     .worker_threads(2)
///     .enable_all()
///     .on_end(|| async { println!("flushing") })
///     .build()?;
/// runtime.run(async { println!("working") });
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Builder {
    tokio: tokio::runtime::Builder,
    hooks: Hooks,
    deadline: Duration,
}

/// Kept here rather than in Tokio's builder, where ours go.
#[derive(Default)]
struct Hooks {
    start: Option<Hook>,
    stop: Option<Hook>,
    endings: Vec<Ending>,
}

impl std::fmt::Debug for Hooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hooks")
            .field("endings", &self.endings.len())
            .finish_non_exhaustive()
    }
}

impl Builder {
    fn over(tokio: tokio::runtime::Builder) -> Self {
        Self {
            tokio,
            hooks: Hooks::default(),
            deadline: end::DEADLINE,
        }
    }

    /// A runtime that runs tasks on the thread that calls [`Runtime::block_on`].
    pub fn new_current_thread() -> Self {
        Self::over(tokio::runtime::Builder::new_current_thread())
    }

    /// A runtime with worker threads, by default as many as `TOKIO_WORKER_THREADS` says or the machine has cores.
    pub fn new_multi_thread() -> Self {
        Self::over(tokio::runtime::Builder::new_multi_thread())
    }

    /// Enables I/O and time.
    pub fn enable_all(&mut self) -> &mut Self {
        self.tokio.enable_all();
        self
    }

    /// Enables I/O: sockets, and with them connections to Redis.
    pub fn enable_io(&mut self) -> &mut Self {
        self.tokio.enable_io();
        self
    }

    /// Enables time: sleeps, timeouts and intervals.
    pub fn enable_time(&mut self) -> &mut Self {
        self.tokio.enable_time();
        self
    }

    /// How many worker threads a multi-thread runtime has. Without effect on a current-thread runtime.
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn worker_threads(&mut self, threads: usize) -> &mut Self {
        self.tokio.worker_threads(threads);
        self
    }

    /// How many threads `spawn_blocking` may start; 512 by default.
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn max_blocking_threads(&mut self, threads: usize) -> &mut Self {
        self.tokio.max_blocking_threads(threads);
        self
    }

    /// How long an idle blocking thread stays; 10 s by default.
    pub fn thread_keep_alive(&mut self, duration: Duration) -> &mut Self {
        self.tokio.thread_keep_alive(duration);
        self
    }

    /// The name of the runtime, for metrics and dumps.
    ///
    /// # Panics
    ///
    /// For an empty name.
    #[track_caller]
    pub fn name(&mut self, name: impl Into<String>) -> &mut Self {
        self.tokio.name(name);
        self
    }

    /// The name of the runtime's threads; `tokio-rt-worker` by default.
    pub fn thread_name(&mut self, name: impl Into<String>) -> &mut Self {
        self.tokio.thread_name(name);
        self
    }

    /// Names the runtime's threads one by one.
    pub fn thread_name_fn<F>(&mut self, name: F) -> &mut Self
    where
        F: Fn() -> String + Send + Sync + 'static,
    {
        self.tokio.thread_name_fn(name);
        self
    }

    /// The stack size of the runtime's threads in bytes; 2 MiB by default.
    pub fn thread_stack_size(&mut self, bytes: usize) -> &mut Self {
        self.tokio.thread_stack_size(bytes);
        self
    }

    /// Runs on each of the runtime's threads as it starts, when it belongs to the runtime already.
    pub fn on_thread_start<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.hooks.start = Some(Arc::new(hook));
        self
    }

    /// Runs on each of the runtime's threads as it ends, while it still belongs to the runtime.
    pub fn on_thread_stop<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.hooks.stop = Some(Arc::new(hook));
        self
    }

    /// Runs on a worker before it goes to sleep for want of work.
    pub fn on_thread_park<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.tokio.on_thread_park(hook);
        self
    }

    /// Runs on a worker after it has woken up.
    pub fn on_thread_unpark<F>(&mut self, hook: F) -> &mut Self
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.tokio.on_thread_unpark(hook);
        self
    }

    /// After how many tasks of its own a worker looks for tasks from outside.
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn global_queue_interval(&mut self, tasks: u32) -> &mut Self {
        self.tokio.global_queue_interval(tasks);
        self
    }

    /// After how many tasks a worker looks for I/O and timers; 61 by default.
    ///
    /// # Panics
    ///
    /// For 0.
    #[track_caller]
    pub fn event_interval(&mut self, tasks: u32) -> &mut Self {
        self.tokio.event_interval(tasks);
        self
    }

    /// Whether a current-thread runtime starts with its clock paused. The deadline of the graceful end goes by
    /// another clock.
    #[cfg(any(test, feature = "test-util"))]
    pub fn start_paused(&mut self, paused: bool) -> &mut Self {
        self.tokio.start_paused(paused);
        self
    }

    /// Asks for async work of yours at the end of the next runtime built, once the future of [`Runtime::run`] is
    /// done, whether it returned, failed or panicked, and in [`Runtime`]'s drop at the latest.
    ///
    /// Endings run one after the other on the runtime, before connections are closed. Several may be asked for, also
    /// later: see [`on_end`](super::on_end). A panic in one doesn't keep the others from running, and goes on
    /// when all is over.
    pub fn on_end<F, Fut>(&mut self, ending: F) -> &mut Self
    where
        F: FnOnce() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.endings.push(end::boxed(ending));
        self
    }

    /// How long the graceful end may take; 5 s by default. What is left then is dropped, and how much that was
    /// goes to `tracing`. With connections to settle, endings get half of it at most.
    pub fn end_deadline(&mut self, deadline: Duration) -> &mut Self {
        self.deadline = deadline;
        self
    }

    /// Builds the runtime.
    ///
    /// # Errors
    ///
    /// Those of the operating system: no threads, no file descriptors left.
    ///
    /// # Panics
    ///
    /// As Tokio's: with a paused clock on a multi-thread runtime, for example.
    pub fn build(&mut self) -> io::Result<Runtime> {
        let barrier = Barrier::new();
        let share = Share(barrier.clone());

        let user = self.hooks.start.clone();
        self.tokio.on_thread_start({
            let barrier = barrier.clone();
            move || {
                attach::start(&barrier);
                if let Some(hook) = &user {
                    hook();
                }
            }
        });
        let user = self.hooks.stop.clone();
        self.tokio.on_thread_stop({
            let barrier = barrier.clone();
            move || {
                let _leave = Leave(&barrier);
                if let Some(hook) = &user {
                    hook();
                }
            }
        });

        let inner = self.tokio.build()?;
        barrier.belongs_to(inner.handle());
        *lock(&barrier.endings) = Some(std::mem::take(&mut self.hooks.endings));
        Ok(Runtime::assemble(inner, share, self.deadline))
    }
}

/// Detaches the thread also when the user's stop hook panics.
struct Leave<'a>(&'a Arc<Barrier>);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        attach::leave(self.0);
    }
}
