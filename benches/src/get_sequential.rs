//! `get.sequential`: one task, one get after another, which is what "180 times faster" refers to.

use crate::harness::{Bench, Contestant, Get, Stage, spawned};
use crate::peers::Batched;

pub(crate) fn run(bench: &mut Bench) {
    bench.workload("get.sequential", |stages| {
        vec![
            Contestant::ours(spawned::tasks::<Get, _>(&stages.multi, Batched, 1)),
            Contestant::peer("redis-rs multiplexed", gets(&stages.multi)),
        ]
    });
}

/// Sequential gets through redis-rs.
pub(crate) fn gets(stage: &Stage) -> impl FnMut(std::time::Duration) -> u64 + use<> {
    spawned::tasks::<Get, _>(stage, stage.peers.multiplexed.clone(), 1)
}
