//! `command.get.N` and `command.incr.N`: N tasks, each awaiting one plain command after another through redis-rs's
//! `AsyncCommands` on swapplex's `ManagedConnection`.

use crate::harness::data::Kind;
use crate::harness::{Bench, Get, Incr, spawned};
use crate::peers::Commands;

pub(crate) fn run(bench: &mut Bench) {
    for tasks in [1, 64, 512, 4096] {
        bench.workload(&format!("command.get.{tasks}"), |stages| {
            spawned::everybody::<Get, _>(&stages.multi, Commands::new(), tasks)
        });
    }
    bench.hold(Kind::Counters);
    for tasks in [1, 64, 512, 4096] {
        bench.workload(&format!("command.incr.{tasks}"), |stages| {
            spawned::everybody::<Incr, _>(&stages.multi, Commands::new(), tasks)
        });
    }
    bench.hold(Kind::Values);
}
