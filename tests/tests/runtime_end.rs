//! The graceful end as users see it.
#![allow(clippy::unwrap_used, reason = "a test that can't go on stops here")]

use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use swapplex::runtime::{Builder, Runtime, on_end};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A runtime of each kind, with an ending that notes that it ran to its end.
fn runtimes() -> impl Iterator<Item = (Runtime, Arc<AtomicBool>)> {
    let builders = [Builder::new_current_thread, Builder::new_multi_thread];
    builders.into_iter().map(|new| {
        let ended = Arc::new(AtomicBool::new(false));
        let mut builder = new();
        builder.enable_all().on_end({
            let ended = ended.clone();
            || async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::spawn(async move { ended.store(true, Ordering::SeqCst) })
                    .await
                    .unwrap();
            }
        });
        (builder.build().unwrap(), ended)
    })
}

#[test]
fn endings_run_after_the_body_returned() {
    for (runtime, ended) in runtimes() {
        let output = runtime.run(async { ended.load(Ordering::SeqCst) });
        assert!(!output);
        assert!(ended.load(Ordering::SeqCst));
    }
}

#[test]
fn endings_run_after_the_body_failed() {
    for (runtime, ended) in runtimes() {
        let output: Result<(), io::Error> = runtime.run(async { Err(io::ErrorKind::NotFound.into()) });
        assert_eq!(output.unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(ended.load(Ordering::SeqCst));
    }
}

#[test]
fn endings_run_after_the_body_panicked() {
    for (runtime, ended) in runtimes() {
        let panic = catch_unwind(AssertUnwindSafe(|| runtime.run(async { panic!("on purpose") })));
        assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "on purpose");
        assert!(ended.load(Ordering::SeqCst));
    }
}

#[test]
fn endings_run_when_a_runtime_is_dropped_or_bounded() {
    for (runtime, ended) in runtimes() {
        runtime.block_on(async {});
        drop(runtime);
        assert!(ended.load(Ordering::SeqCst));
    }
    for (runtime, ended) in runtimes() {
        runtime.shutdown_timeout(PATIENCE);
        assert!(ended.load(Ordering::SeqCst));
    }
    for (runtime, ended) in runtimes() {
        runtime.shutdown_background();
        assert!(!ended.load(Ordering::SeqCst));
    }
}

#[test]
fn endings_run_where_blocking_is_allowed_inside_another_runtime() {
    let outer = Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let ended = outer.block_on(async {
        tokio::task::spawn_blocking(|| {
            runtimes()
                .map(|(runtime, ended)| {
                    runtime.run(async {});
                    ended
                })
                .collect::<Vec<_>>()
        })
        .await
        .unwrap()
    });
    assert!(ended.iter().all(|ended| ended.load(Ordering::SeqCst)));
}

#[test]
fn endings_may_be_asked_for_while_the_runtime_runs() {
    static ORDER: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    fn note(what: &'static str) -> Result<(), ()> {
        on_end(move || async move { ORDER.lock().unwrap().push(what) }).map_err(drop)
    }

    #[swapplex::main(worker_threads = 1)]
    async fn body() {
        note("body").unwrap();
        tokio::spawn(async { note("task").unwrap() }).await.unwrap();
        tokio::task::spawn_blocking(|| note("blocking").unwrap())
            .await
            .unwrap();
        let nested = on_end(|| async { note("ending").unwrap() });
        assert!(nested.is_ok());
        ORDER.lock().unwrap().push("return");
    }

    assert!(note("outside").is_err());
    body();
    assert_eq!(
        *ORDER.lock().unwrap(),
        ["return", "body", "task", "blocking", "ending"]
    );
}

#[test]
fn an_ending_is_run_or_given_back() {
    for (runtime, ended) in runtimes() {
        let (taken, ran) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let is_given_back = Arc::new(AtomicBool::new(false));
        // Goes on when the body has returned, and ends before the runtime does.
        let asks = {
            let (taken, ran, is_given_back) = (taken.clone(), ran.clone(), is_given_back.clone());
            move || {
                let started = Instant::now();
                while started.elapsed() < PATIENCE {
                    let ran = ran.clone();
                    let ending = || async move {
                        ran.fetch_add(1, Ordering::SeqCst);
                    };
                    if on_end(ending).is_err() {
                        return is_given_back.store(true, Ordering::SeqCst);
                    }
                    taken.fetch_add(1, Ordering::SeqCst);
                    thread::sleep(Duration::from_millis(1));
                }
            }
        };
        runtime.run(async { drop(tokio::task::spawn_blocking(asks)) });
        assert!(ended.load(Ordering::SeqCst));
        assert!(
            is_given_back.load(Ordering::SeqCst),
            "the last ones were taken, and never ran"
        );
        assert_eq!(taken.load(Ordering::SeqCst), ran.load(Ordering::SeqCst));
    }
}

#[test]
fn endings_run_when_a_runtime_goes_with_its_thread() {
    thread_local!(static RUNTIME: RefCell<Option<Runtime>> = const { RefCell::new(None) });
    for (runtime, ended) in runtimes() {
        thread::spawn(|| {
            RUNTIME.set(Some(runtime));
            // Tokio's own thread-local is made later, and so destroyed earlier.
            RUNTIME.with_borrow(|runtime| runtime.as_ref().unwrap().block_on(async {}));
        })
        .join()
        .unwrap();
        assert!(ended.load(Ordering::SeqCst));
    }
}

#[test]
fn an_endless_deadline_is_none() {
    let ended = Arc::new(AtomicBool::new(false));
    let mut builder = Builder::new_current_thread();
    builder.end_deadline(Duration::MAX).on_end({
        let ended = ended.clone();
        || async move { ended.store(true, Ordering::SeqCst) }
    });
    builder.build().unwrap().run(async {});
    assert!(ended.load(Ordering::SeqCst));
}

#[test]
fn a_panicking_ending_keeps_no_other_from_running() {
    for late in [false, true] {
        let ran = Arc::new(AtomicUsize::new(0));
        let mut builder = Builder::new_current_thread();
        builder
            .enable_all()
            .on_end(move || {
                // Once while the future is made and once while it is polled.
                assert!(late, "on purpose");
                async { panic!("on purpose") }
            })
            .on_end({
                let ran = ran.clone();
                || async move {
                    ran.fetch_add(1, Ordering::SeqCst);
                }
            });
        let runtime = builder.build().unwrap();
        let panic = catch_unwind(AssertUnwindSafe(|| runtime.run(async {})));
        assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "on purpose");
        assert_eq!(ran.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn the_end_is_bounded_also_with_a_paused_clock() {
    struct Dropped(Arc<AtomicBool>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    for paused in [false, true] {
        let dropped = Arc::new(AtomicBool::new(false));
        let guard = Dropped(dropped.clone());
        let deadline = Duration::from_millis(50);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .start_paused(paused)
            .end_deadline(deadline)
            .on_end(|| async move {
                let _guard = guard;
                std::future::pending::<()>().await;
            })
            .build()
            .unwrap();
        let started = Instant::now();
        runtime.run(async {});
        assert!(started.elapsed() >= deadline);
        assert!(started.elapsed() < PATIENCE);
        assert!(dropped.load(Ordering::SeqCst));
    }
}

#[test]
fn a_paused_clock_leaves_an_ending_the_time_it_needs() {
    let (answer, question) = tokio::sync::oneshot::channel();
    let runtime = Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .on_end(|| async move {
            // From a thread, as an answer from a server would come: Tokio's clock has nothing else to wait for.
            thread::spawn(|| {
                thread::sleep(Duration::from_millis(20));
                answer.send(()).unwrap();
            });
            question.await.unwrap();
        })
        .build()
        .unwrap();
    runtime.run(async {});
}
