//! What can't be reached through the public surface: late threads, and what the crate itself settles.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Once, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, Id};

use super::barrier::{Barrier, lock};
use super::guarded::Share;
use super::{Builder, Context, Settle, at_end, attach};

/// Counts its drops.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_late_thread_finds_a_released_barrier_closed() {
    let barrier = Barrier::new();
    drop(Share(barrier.clone()));
    assert!(!attach::enter(&barrier));
    assert!(!attach::is_own_thread(&barrier));
    // Its stop hook has nothing to take back.
    attach::leave(&barrier);

    let dropped = Arc::new(AtomicUsize::new(0));
    let context = Context::new(Counted(dropped.clone()));
    let reference = context.local_ref();
    drop(context);
    assert_eq!(dropped.load(Ordering::SeqCst), 0);
    drop(reference);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn a_thread_that_starts_after_the_end_uses_its_data_as_any_other() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let dropped = Arc::new(AtomicUsize::new(0));
    thread::spawn({
        let dropped = dropped.clone();
        move || {
            let _entered = handle.enter();
            let context = Context::new(Counted(dropped));
            drop((context.local_ref(), context));
        }
    })
    .join()
    .unwrap();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
}

#[test]
fn a_thread_that_ends_without_its_stop_hook_leaves_all_the_same() {
    let barrier = Barrier::new();
    let share = Share(barrier.clone());
    thread::spawn({
        let barrier = barrier.clone();
        move || {
            assert!(attach::enter(&barrier));
            assert!(attach::enter(&barrier));
        }
    })
    .join()
    .unwrap();
    drop(share);
    assert!(!barrier.total.join());
}

#[test]
fn attachments_nest() {
    let outer = Barrier::new();
    let inner = Barrier::new();
    let shares = (Share(outer.clone()), Share(inner.clone()));
    let here = || attach::current().map(|(barrier, _)| barrier.id);
    {
        let _outer = attach::scope(&outer);
        {
            let _inner = attach::scope(&inner);
            assert!(here() == Some(inner.id));
            assert!(attach::is_own_thread(&outer));
            // Not the innermost one, so not its turn.
            attach::leave(&outer);
            assert!(attach::is_own_thread(&outer));
        }
        assert!(here() == Some(outer.id));
        assert!(!attach::is_own_thread(&inner));
    }
    assert!(here().is_none());
    drop(shares);
    assert!(!outer.total.join());
    assert!(!inner.total.join());
}

/// What the tests below let their runtimes settle. `at_end` is for the whole process, so it looks runtimes up.
static SETTLING: Mutex<Option<HashMap<Id, Arc<Settling>>>> = Mutex::new(None);

struct Settling {
    order: mpsc::Sender<&'static str>,
    left: AtomicUsize,
    hangs: bool,
}

fn of(runtime: Id) -> Option<Arc<Settling>> {
    lock(&SETTLING).as_ref()?.get(&runtime).cloned()
}

fn settle(runtime: &Handle) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let settling = of(runtime.id());
    Box::pin(async move {
        let Some(settling) = settling else { return };
        settling.order.send("settle").unwrap();
        while settling.left.load(Ordering::SeqCst) > 1 {
            settling.left.fetch_sub(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        if settling.hangs {
            std::future::pending::<()>().await;
        }
        settling.left.store(0, Ordering::SeqCst);
    })
}

fn unsettled(runtime: Id) -> usize {
    of(runtime).map_or(0, |settling| {
        settling.order.send("count").unwrap();
        settling.left.load(Ordering::SeqCst)
    })
}

/// A runtime with something to settle, and what happens at its end, in order.
fn settling(
    builder: &mut Builder,
    hangs: bool,
) -> (super::Runtime, Arc<Settling>, mpsc::Receiver<&'static str>) {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| at_end(Settle { settle, unsettled }));
    let (order, events) = mpsc::channel();
    let ending = order.clone();
    builder.on_end(|| async move { ending.send("ending").unwrap() });
    let runtime = builder.build().unwrap();
    let settling = Arc::new(Settling {
        order,
        left: AtomicUsize::new(10),
        hangs,
    });
    lock(&SETTLING)
        .get_or_insert_default()
        .insert(runtime.handle().id(), settling.clone());
    (runtime, settling, events)
}

#[test]
fn the_crate_settles_after_the_users_endings() {
    for mut builder in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let (runtime, settling, events) = settling(&mut builder, false);
        runtime.run(async {});
        assert_eq!(
            events.try_iter().collect::<Vec<_>>(),
            ["ending", "settle", "count"]
        );
        assert_eq!(settling.left.load(Ordering::SeqCst), 0);
    }
}

#[test]
fn what_is_unsettled_at_the_deadline_is_counted() {
    let deadline = Duration::from_millis(50);
    let mut builder = Builder::new_current_thread();
    builder.enable_all().start_paused(true).end_deadline(deadline);
    let (runtime, settling, events) = settling(&mut builder, true);
    let started = Instant::now();
    runtime.run(async {});
    assert!(started.elapsed() >= deadline);
    assert_eq!(
        events.try_iter().collect::<Vec<_>>(),
        ["ending", "settle", "count"]
    );
    assert_eq!(settling.left.load(Ordering::SeqCst), 1);
}

#[test]
fn an_ending_that_hangs_leaves_time_to_settle() {
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .end_deadline(Duration::from_millis(50))
        .on_end(std::future::pending);
    let (runtime, settling, events) = settling(&mut builder, false);
    drop(runtime);
    assert_eq!(events.try_iter().collect::<Vec<_>>(), ["settle", "count"]);
    assert_eq!(settling.left.load(Ordering::SeqCst), 0);
}
