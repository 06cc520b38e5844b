//! The end of a runtime: what its connections have under way is answered before they are closed.

use std::pin::Pin;
use std::sync::{Arc, Mutex, Once, Weak};

use tokio::runtime::{self, Handle};

use super::lane::Lane;
use crate::runtime::{Settle, at_end};
use crate::sync::lock;

/// All lanes there are, of whichever database.
static LANES: Mutex<Vec<Weak<Lane>>> = Mutex::new(Vec::new());

/// Has a lane settled when its runtime ends, if that is one of ours.
pub(super) fn register(lane: &Arc<Lane>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| at_end(Settle { settle, unsettled }));
    let mut lanes = lock(&LANES);
    lanes.retain(|lane| lane.strong_count() > 0);
    lanes.push(Arc::downgrade(lane));
}

fn of(runtime: runtime::Id) -> Vec<Arc<Lane>> {
    let lanes = lock(&LANES);
    lanes
        .iter()
        .filter_map(Weak::upgrade)
        .filter(|lane| lane.runtime.id() == runtime)
        .collect()
}

fn settle(runtime: &Handle) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    let lanes = of(runtime.id());
    Box::pin(async move {
        // All at once, so that a slow server does not take the others' time.
        for lane in &lanes {
            lane.close.notify_one();
        }
        for lane in &lanes {
            lane.end().await;
        }
    })
}

fn unsettled(runtime: runtime::Id) -> usize {
    of(runtime).iter().map(|lane| lane.waiting()).sum()
}
