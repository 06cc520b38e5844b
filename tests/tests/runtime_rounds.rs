//! A thousand starts and stops with 1, 2, 4 and 8 workers, in every way that a runtime can end.
//!
//! `SWAPPLEX_ROUNDS` sets another number, for runs under a sanitizer.
#![allow(clippy::unwrap_used, reason = "a test that can't go on stops here")]

mod canary;

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::time::Duration;

use swapplex::runtime::{Builder, Runtime};

use canary::{Bird, Cage};

/// Thrown on purpose, and kept from the output.
struct OnPurpose;

fn rounds(workers: usize) {
    quiet_on_purpose();
    let rounds = std::env::var("SWAPPLEX_ROUNDS").map_or(1000, |rounds| rounds.parse().unwrap());
    for round in 0..rounds {
        let cage = Cage::new();
        let mut builder = Builder::new_multi_thread();
        let runtime = cage
            .adopt(&mut builder)
            .worker_threads(workers)
            // Blocking threads go as fast as they come.
            .thread_keep_alive(Duration::from_micros(50))
            .enable_all()
            .build()
            .unwrap();
        let escaped = start_and_stop(runtime, &cage, round);
        // What escaped is the last to go, and still in order.
        if let Some(bird) = escaped {
            bird.sing();
            assert!(cage.alive() > 0);
            drop(bird);
        }
        cage.wait_until_empty();
    }
}

fn start_and_stop(runtime: Runtime, cage: &Cage, round: usize) -> Option<Bird> {
    let body = {
        let cage = cage.clone();
        async move {
            let _task = cage.task();
            let finished = busy(&cage, 8);
            let escaped = tokio::spawn(async { Bird::here() });
            match round % 7 {
                // An early return: everything is still under way.
                0 | 4 | 5 => return escaped.await.unwrap(),
                1 => panic_any(OnPurpose),
                _ => {}
            }
            // What sleeps for ever is left to the end.
            for task in finished {
                let _panicked = task.await;
            }
            escaped.await.unwrap()
        }
    };
    match round % 7 {
        1 => {
            let panic = catch_unwind(AssertUnwindSafe(|| runtime.run(body)));
            assert!(panic.is_err_and(|panic| panic.is::<OnPurpose>()));
            None
        }
        4 => {
            let escaped = runtime.block_on(body);
            runtime.shutdown_background();
            Some(escaped)
        }
        5 => {
            let escaped = runtime.block_on(body);
            runtime.shutdown_timeout(Duration::from_micros(100));
            Some(escaped)
        }
        6 => {
            drop(runtime.run(body));
            None
        }
        _ => Some(runtime.run(body)),
    }
}

/// Starts tasks that use and exchange references, some for ever, one to panic, and blocking calls in between. Gives
/// those that end.
fn busy(cage: &Cage, tasks: usize) -> Vec<tokio::task::JoinHandle<()>> {
    let mut finished = Vec::new();
    for index in 0..tasks {
        let task = cage.task();
        let work = async move {
            let _task = task;
            let bird = Bird::here();
            tokio::task::yield_now().await;
            let other = Bird::here();
            bird.sing();
            let blocking = tokio::task::spawn_blocking({
                let bird = bird.clone();
                move || bird.sing() + Bird::here().sing()
            });
            match index % 4 {
                0 => std::future::pending().await,
                1 => panic_any(OnPurpose),
                2 => {
                    tokio::task::block_in_place(|| other.sing());
                }
                _ => {
                    let _cancelled = blocking.await;
                }
            }
            other.clone().sing();
        };
        let task = tokio::spawn(work);
        if index % 4 != 0 {
            finished.push(task);
        }
    }
    finished
}

fn quiet_on_purpose() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.payload().is::<OnPurpose>() {
                usual(info);
            }
        }));
    });
}

#[test]
fn a_thousand_rounds_with_one_worker() {
    rounds(1);
}

#[test]
fn a_thousand_rounds_with_two_workers() {
    rounds(2);
}

#[test]
fn a_thousand_rounds_with_four_workers() {
    rounds(4);
}

#[test]
fn a_thousand_rounds_with_eight_workers() {
    rounds(8);
}
