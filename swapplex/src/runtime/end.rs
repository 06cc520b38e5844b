//! The graceful end: what runs between the body's return and the runtime's drop.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id, Runtime};

use super::attach;
use super::barrier::{Barrier, discard, lock};

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the user asked to run at the end.
pub(super) type Ending = Box<dyn FnOnce() -> BoxFuture + Send>;

pub(crate) type Panic = Box<dyn Any + Send>;

/// How long the end may take unless the builder says otherwise.
pub(super) const DEADLINE: Duration = Duration::from_secs(5);

/// Longer than anybody waits, and not too long to be added to a moment.
const FOR_EVER: Duration = Duration::from_secs(1 << 30);

/// How this crate settles what is under way on a runtime that ends.
#[derive(Clone, Copy)]
pub(crate) struct Settle {
    /// Closes what is open on the runtime and waits for what is under way. Dropped at the deadline.
    pub(crate) settle: fn(&Handle) -> BoxFuture,
    /// How much was left unsettled. Asked after the future is gone, so the count must live elsewhere.
    pub(crate) unsettled: fn(Id) -> usize,
}

static SETTLE: Mutex<Vec<Settle>> = Mutex::new(Vec::new());

/// Registers what runs at the end of every runtime of this process, after the user's own endings. Once is enough.
pub(crate) fn at_end(settle: Settle) {
    lock(&SETTLE).push(settle);
}

pub(super) fn boxed<F, Fut>(ending: F) -> Ending
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Box::new(|| Box::pin(ending()))
}

/// Asks for async work at the end of the runtime that the current thread belongs to.
///
/// It runs when the body of `#[swapplex::main]` has returned, with whatever outcome, and before connections are
/// closed; see [`Builder::on_end`](super::Builder::on_end).
///
/// # Errors
///
/// Gives the closure back on a thread that belongs to no runtime of swapplex, so also under `#[tokio::main]`, and where
/// it comes too late: the last ending has run, or the deadline has come.
///
/// # Examples
///
/// ```
/// #[swapplex::main]
/// async fn main() {
///     let registered = swapplex::runtime::on_end(|| async { println!("good night") });
///     assert!(registered.is_ok());
/// }
/// ```
pub fn on_end<F, Fut>(ending: F) -> Result<(), F>
where
    F: FnOnce() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    match attach::current() {
        Some((barrier, _)) => match &mut *lock(&barrier.endings) {
            Some(endings) => {
                endings.push(boxed(ending));
                Ok(())
            }
            None => Err(ending),
        },
        None => Err(ending),
    }
}

/// Runs the endings and settles what is open, until the deadline. Gives back the first panic of an ending.
pub(super) fn run(runtime: &Runtime, barrier: &Arc<Barrier>, deadline: Duration) -> Option<Panic> {
    let settle = lock(&SETTLE).clone();
    if settle.is_empty() {
        let mut endings = lock(&barrier.endings);
        if endings.as_ref().is_none_or(Vec::is_empty) {
            *endings = None;
            return None;
        }
    }
    // Certainly an async context: what follows is Tokio's panic about that.
    if tokio::runtime::worker_index().is_some() {
        let left = lock(&barrier.endings).take();
        discard(left);
        return None;
    }
    let block_on = || {
        let _attached = attach::scope(barrier);
        runtime.block_on(end(runtime.handle(), barrier, &settle, deadline))
    };
    let needs_thread = match Handle::try_current() {
        // Perhaps an async context, perhaps a blocking thread: Tokio tells only by a panic, so ask a thread that
        // is neither.
        Ok(_) => true,
        // The runtime was kept in a thread-local and goes with its thread, which can't run anything any more.
        Err(error) => error.is_thread_local_destroyed(),
    };
    let outcome = if needs_thread {
        thread::scope(
            |scope| match thread::Builder::new().spawn_scoped(scope, block_on) {
                Ok(thread) => thread.join(),
                Err(_) => Ok(None),
            },
        )
    } else {
        catch_unwind(AssertUnwindSafe(block_on))
    };
    // Also where there was no thread to be had, or the end itself panicked.
    let left = lock(&barrier.endings).take();
    discard(left);
    outcome.unwrap_or_else(Some)
}

/// Continues a panic that was kept back, unless another one is under way.
pub(super) fn rethrow(panic: Option<Panic>) {
    if let Some(payload) = panic
        && !thread::panicking()
    {
        resume_unwind(payload);
    }
}

async fn end(runtime: &Handle, barrier: &Barrier, settle: &[Settle], deadline: Duration) -> Option<Panic> {
    let now = Instant::now();
    let deadline = deadline.min(FOR_EVER);
    let until = now + deadline;
    // An ending that hangs must not keep the rest from being settled.
    let endings_until = if settle.is_empty() {
        until
    } else {
        now + deadline / 2
    };

    let mut panic = None;
    let mut running = 0;
    let all = async {
        while let Some(ending) = next_ending(barrier) {
            running = 1;
            let outcome = caught(async { ending().await }).await;
            running = 0;
            panic = panic.take().or(outcome.err());
        }
    };
    if within(endings_until, all).await.is_none() {
        let left = lock(&barrier.endings).take().unwrap_or_default();
        let unfinished = left.len() + running;
        discard(left);
        tracing::warn!(
            unfinished,
            "the runtime's deadline came before all of its endings had run"
        );
    }

    for Settle { settle, unsettled } in settle {
        let settling = caught(async { settle(runtime).await });
        if let Some(Err(payload)) = within(until, settling).await {
            panic.get_or_insert(payload);
        }
        let unsettled = unsettled(runtime.id());
        if unsettled > 0 {
            tracing::warn!(unsettled, "the runtime ended before these requests were settled");
        }
    }
    panic
}

fn next_ending(barrier: &Barrier) -> Option<Ending> {
    let mut endings = lock(&barrier.endings);
    match &mut *endings {
        Some(left) if !left.is_empty() => Some(left.remove(0)),
        // The last one has run: whoever comes now is told so.
        _ => {
            *endings = None;
            None
        }
    }
}

/// The future's outcome, or the panic that it ended in.
pub(crate) async fn caught<F: Future>(future: F) -> Result<F::Output, Panic> {
    let mut future = pin!(future);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(payload) => Poll::Ready(Err(payload)),
        },
    )
    .await
}

/// The future's outcome, or `None` when the time has come.
///
/// By a clock of its own: Tokio's may be paused, and then its timeouts fire at once while sockets are still
/// being waited for.
pub(crate) async fn within<F: Future>(until: Instant, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut alarm = None;
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(outcome));
        }
        if alarm.is_none() {
            match Alarm::set(until) {
                Ok(set) => alarm = Some(set),
                // Better an end too early than none at all.
                Err(_) => return Poll::Ready(None),
            }
        }
        match &alarm {
            Some(alarm) => alarm.poll(cx).map(|()| None),
            None => Poll::Ready(None),
        }
    })
    .await
}

/// A thread that sleeps until an instant. Started only when there is something to wait for.
struct Alarm(Arc<Bell>);

#[derive(Default)]
struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    rang: bool,
    off: bool,
    waker: Option<Waker>,
}

impl Alarm {
    fn set(until: Instant) -> io::Result<Self> {
        let bell = Arc::new(Bell::default());
        thread::Builder::new()
            .name("swapplex-deadline".to_owned())
            .spawn({
                let bell = bell.clone();
                move || bell.ring_at(until)
            })?;
        Ok(Self(bell))
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = lock(&self.0.state);
        if state.rang {
            return Poll::Ready(());
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        lock(&self.0.state).off = true;
        self.0.changed.notify_one();
    }
}

impl Bell {
    fn ring_at(&self, until: Instant) {
        let mut state = lock(&self.state);
        while !state.off {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                state.rang = true;
                let waker = state.waker.take();
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
                return;
            }
            state = match self.changed.wait_timeout(state, left) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}
