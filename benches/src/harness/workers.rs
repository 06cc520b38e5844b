//! Something small, again and again, on the worker threads of a runtime.

use std::hint;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::contestant::Work;

/// Operations between two looks at the clock.
const TURN: u64 = 10_000;

/// Runs `turn` on that many workers of the runtime at the same time, again and again, each with a copy of its own.
pub(crate) fn on_workers<S: Clone + Send + 'static>(
    runtime: &Handle,
    threads: usize,
    own: S,
    turn: fn(&mut S, u64),
) -> impl FnMut(Duration) -> u64 + use<S> {
    let runtime = runtime.clone();
    move |duration| {
        // It also sees to it that no worker takes two of the tasks.
        let barrier = Arc::new(Barrier::new(threads));
        let tasks: Vec<_> = (0..threads)
            .map(|_| {
                let (barrier, mut own) = (Arc::clone(&barrier), own.clone());
                runtime.spawn(async move {
                    barrier.wait();
                    let mut done = 0;
                    let started = Instant::now();
                    while started.elapsed() < duration {
                        turn(&mut own, TURN);
                        done += TURN;
                    }
                    done
                })
            })
            .collect();
        tasks
            .into_iter()
            .map(|task| runtime.block_on(task).expect("the task does not panic"))
            .sum()
    }
}

/// Runs `turn` on two workers that have waited for each other, as often as the time allows, each with a copy of its own.
///
/// For what is slow because two do it at the same moment: a turn is short, both are running when it begins, and what
/// counts is the median turn, by its slower worker. On a busy machine the two would else often run one after the other.
pub(crate) fn at_once<S: Clone + Send + 'static>(
    runtime: &Handle,
    own: S,
    turn: fn(&mut S, u64),
) -> impl FnMut(Duration) -> Work + use<S> {
    const OPERATIONS: u64 = 10 * TURN;
    let runtime = runtime.clone();
    move |duration| {
        let started = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || started.elapsed() < duration {
            let missing = Arc::new(AtomicUsize::new(2));
            let tasks = [(); 2].map(|()| {
                let (missing, mut own) = (Arc::clone(&missing), own.clone());
                runtime.spawn(async move {
                    missing.fetch_sub(1, Ordering::Relaxed);
                    while missing.load(Ordering::Relaxed) > 0 {
                        hint::spin_loop();
                    }
                    let started = Instant::now();
                    turn(&mut own, OPERATIONS);
                    started.elapsed()
                })
            });
            let slower = tasks
                .into_iter()
                .map(|task| runtime.block_on(task).expect("the task does not panic"))
                .max();
            times.extend(slower);
        }
        times.sort_unstable();
        let turns = u32::try_from(times.len()).expect("no time for so many turns");
        Work {
            operations: u64::from(turns) * 2 * OPERATIONS,
            elapsed: Some(times[times.len() / 2] * turns),
        }
    }
}
