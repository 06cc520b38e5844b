//! Many tasks, each with one operation after another.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bench::Stage;
use super::contestant::Contestant;
use super::data;
use super::operation::Operation;
use crate::peers::Peer;

/// `tasks` tasks of swapplex, in the given form, and of each peer.
pub(crate) fn everybody<O: Operation, P: Peer>(stage: &Stage, ours: P, count: usize) -> Vec<Contestant> {
    let peers = &stage.peers;
    vec![
        Contestant::ours(tasks::<O, _>(stage, ours, count)),
        contestant::<O, _>(stage, peers.multiplexed.clone(), count),
        contestant::<O, _>(stage, peers.manager.clone(), count),
        contestant::<O, _>(stage, peers.fred.clone(), count),
        contestant::<O, _>(stage, peers.rustis.clone(), count),
    ]
}

fn contestant<O: Operation, P: Peer>(stage: &Stage, peer: P, count: usize) -> Contestant {
    Contestant::peer(peer.name(), tasks::<O, _>(stage, peer, count))
}

/// That many tasks, until the time is up; gives the number of operations.
pub(crate) fn tasks<O: Operation, P: Peer>(
    stage: &Stage,
    peer: P,
    count: usize,
) -> impl FnMut(Duration) -> u64 + use<O, P> {
    let runtime = stage.runtime.clone();
    move |duration| {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks: Vec<_> = (0..count)
            .map(|number| {
                let (stop, mut peer) = (Arc::clone(&stop), peer.clone());
                let mut random = fastrand::Rng::with_seed(number as u64);
                runtime.spawn(async move {
                    let mut done = 0;
                    while !stop.load(Ordering::Relaxed) {
                        O::run(&mut peer, data::any(&mut random)).await;
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        runtime.block_on(async {
            tokio::time::sleep(duration).await;
            stop.store(true, Ordering::Relaxed);
            let mut done = 0;
            for task in tasks {
                done += task.await.expect("the task does not panic");
            }
            done
        })
    }
}
