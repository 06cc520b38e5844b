//! `acquire.1` and `acquire.2`: from nothing to the live connection, on one and on two worker threads at once.
//!
//! This is what every command does before it is encoded: `get_connection()` and then the way to the live handle,
//! which `is_live` goes. Beside it, what arc-swap takes for the like, without a runtime or a connection to find.

use std::hint::black_box;
use std::sync::Arc;

use arc_swap::{ArcSwapOption, Cache};

use crate::harness::{Bench, Contestant, Stage, on_workers};

type Cell = Arc<ArcSwapOption<String>>;

pub(crate) fn run(bench: &mut Bench) {
    for threads in [1, 2] {
        bench.workload(&format!("acquire.{threads}"), |stages| {
            connect(&stages.multi);
            let runtime = stages.multi.runtime.handle();
            let cell: Cell = Arc::new(ArcSwapOption::from_pointee(String::new()));
            vec![
                Contestant::ours(on_workers(runtime, threads, (), |(), turn| {
                    for _ in 0..turn {
                        assert!(black_box(
                            swapplex::get_connection().is_live().is_ok_and(|live| live)
                        ));
                    }
                })),
                Contestant::reference(
                    "arc_swap::Cache::load",
                    on_workers(runtime, threads, Cache::new(Arc::clone(&cell)), |cache, turn| {
                        for _ in 0..turn {
                            black_box(cache.load());
                        }
                    }),
                ),
                Contestant::reference(
                    "ArcSwap::load",
                    on_workers(runtime, threads, Arc::clone(&cell), |cell, turn| {
                        for _ in 0..turn {
                            black_box(&cell.load());
                        }
                    }),
                ),
                Contestant::reference(
                    "ArcSwap::load_full",
                    on_workers(runtime, threads, cell, |cell, turn| {
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
