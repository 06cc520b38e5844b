//! `acquire.1` and `acquire.2`: from nothing to the live connection, on one and on two worker threads at once.
//!
//! This is what every command does before it is encoded: `get_connection()` and then the way to the live handle,
//! which `is_live` goes. Beside it, what arc-swap takes for the like, without a runtime or a connection to find.

use std::hint::black_box;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwapOption, Cache};

use crate::harness::{Bench, Contestant, Stage};

/// Operations between two looks at the clock.
const TURN: u64 = 10_000;

type Cell = Arc<ArcSwapOption<String>>;

pub(crate) fn run(bench: &mut Bench) {
    for threads in [1, 2] {
        bench.workload(&format!("acquire.{threads}"), |stages| {
            let stage = &stages.multi;
            connect(stage);
            let cell: Cell = Arc::new(ArcSwapOption::from_pointee(String::new()));
            vec![
                Contestant::ours(on_workers(stage, threads, (), |(), turn| {
                    for _ in 0..turn {
                        assert!(black_box(
                            swapplex::get_connection().is_live().is_ok_and(|live| live)
                        ));
                    }
                })),
                Contestant::reference(
                    "arc_swap::Cache::load",
                    on_workers(stage, threads, Cache::new(Arc::clone(&cell)), |cache, turn| {
                        for _ in 0..turn {
                            black_box(cache.load());
                        }
                    }),
                ),
                Contestant::reference(
                    "ArcSwap::load",
                    on_workers(stage, threads, Arc::clone(&cell), |cell, turn| {
                        for _ in 0..turn {
                            black_box(&cell.load());
                        }
                    }),
                ),
                Contestant::reference(
                    "ArcSwap::load_full",
                    on_workers(stage, threads, cell, |cell, turn| {
                        for _ in 0..turn {
                            black_box(cell.load_full());
                        }
                    }),
                ),
            ]
        });
    }
}

/// Has swapplex connect, since it does so when it is first used.
fn connect(stage: &Stage) {
    let task = stage.runtime.spawn(swapplex::get("any"));
    stage
        .runtime
        .block_on(task)
        .expect("the task does not panic")
        .expect("the private server answers");
}

/// Runs `turn` on that many workers of the runtime at the same time, again and again, each with a copy of its own.
fn on_workers<S: Clone + Send + 'static>(
    stage: &Stage,
    threads: usize,
    own: S,
    turn: fn(&mut S, u64),
) -> impl FnMut(Duration) -> u64 + use<S> {
    let runtime = stage.runtime.clone();
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
