//! Something small, again and again, on the worker threads of a runtime.

use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

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
