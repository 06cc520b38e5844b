//! `get.fanout.N`: one task awaits N gets at once, on a multi-thread runtime and, as `get.fanout.N.current`, on
//! a current-thread one.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::harness::{Bench, Contestant, Get, Operation, Stage, data};
use crate::peers::{Batched, Peer, RedisSwapplex};
use crate::{get_limit, get_sequential};

pub(crate) fn run(bench: &mut Bench) {
    for gets in [512, 4096] {
        bench.workload(&format!("get.fanout.{gets}"), |stages| {
            let stage = &stages.multi;
            let mut all = everybody(stage, gets);
            all.push(Contestant::reference(
                "get.sequential",
                get_sequential::gets(stage),
            ));
            all.push(Contestant::reference(
                "get.limit, MGET",
                get_limit::mget(&stages.url),
            ));
            all
        });
        bench.workload(&format!("get.fanout.{gets}.current"), |stages| {
            let stage = &stages.current;
            let mut all = everybody(stage, gets);
            // Not on the multi-thread runtime: it crashes there with a double free.
            all.push(contestant(stage, RedisSwapplex, gets));
            all
        });
    }
}

fn everybody(stage: &Stage, gets: usize) -> Vec<Contestant> {
    let peers = &stage.peers;
    vec![
        Contestant::ours(fanout(stage, Batched, gets)),
        contestant(stage, peers.multiplexed.clone(), gets),
        contestant(stage, peers.manager.clone(), gets),
        contestant(stage, peers.fred.clone(), gets),
        contestant(stage, peers.rustis.clone(), gets),
    ]
}

fn contestant<P: Peer>(stage: &Stage, peer: P, gets: usize) -> Contestant {
    Contestant::peer(peer.name(), fanout(stage, peer, gets))
}

/// Gets of one task, `gets` of them at once, until the time is up.
pub(crate) fn fanout<P: Peer>(stage: &Stage, peer: P, gets: usize) -> impl FnMut(Duration) -> u64 + use<P> {
    let runtime = stage.runtime.clone();
    // Made once, so that peers whose commands borrow the connection mutably don't pay for clones of it.
    let connections = vec![peer; gets];
    move |duration| {
        let mut connections = connections.clone();
        // As a task, since that is where a service's code runs: on a worker.
        let task = runtime.spawn(async move {
            let mut random = fastrand::Rng::with_seed(1);
            let mut done = 0;
            let started = Instant::now();
            while started.elapsed() < duration {
                let answers = join_all(
                    connections
                        .iter_mut()
                        .map(|peer| Get::run(peer, data::any(&mut random))),
                );
                done += answers.await.len() as u64;
            }
            done
        });
        runtime.block_on(task).expect("the task does not panic")
    }
}
