//! `get.spawned.N`: N tasks, each awaiting one get after another. The shape of a web service.

use crate::harness::{Bench, Get, spawned};
use crate::peers::Batched;

pub(crate) fn run(bench: &mut Bench) {
    for tasks in [1, 16, 64, 512, 4096] {
        bench.workload(&format!("get.spawned.{tasks}"), |stages| {
            spawned::everybody::<Get, _>(&stages.multi, Batched, tasks)
        });
    }
}
