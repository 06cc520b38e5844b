//! `set.spawned.N`: N tasks, each awaiting one set after another.

use crate::harness::{Bench, Set, spawned};
use crate::peers::Batched;

pub(crate) fn run(bench: &mut Bench) {
    for tasks in [1, 16, 64, 512, 4096] {
        bench.workload(&format!("set.spawned.{tasks}"), |stages| {
            spawned::everybody::<Set, _>(&stages.multi, Batched, tasks)
        });
    }
}
