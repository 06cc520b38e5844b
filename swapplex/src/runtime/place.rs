//! Where a datum is kept once it is handed out: a choice of cost, never of validity.

use std::sync::{Arc, Mutex};

use super::attach::{self, Mark};
use super::barrier::{Id, Kept, lock};

/// A thread that works for another runtime lets this many data be kept for ever; more are counted.
const FOREVER_PER_THREAD: usize = 256;

/// Who keeps a datum.
pub(super) enum Place {
    /// The barrier with this id, which the current thread takes part in.
    Barrier(Id),
    /// The list of what stays until the process ends.
    Forever,
    /// Its references.
    Alone,
}

/// Chooses, and puts the datum there.
pub(super) fn of<T: Send + Sync + 'static>(value: &Arc<T>) -> Place {
    // Blocking threads and threads of the user's come and go, and their data with them.
    if tokio::runtime::worker_index().is_none() {
        return Place::Alone;
    }
    match attach::current() {
        Some((barrier, thread)) if barrier.keep(value, thread) => {
            Mark::with(Mark::hands_one);
            Place::Barrier(barrier.id)
        }
        None if cfg!(feature = "leaky-context") && Mark::with(Mark::handed) < FOREVER_PER_THREAD => {
            Mark::with(Mark::hands_one);
            lock(&FOREVER).push(value.clone());
            Place::Forever
        }
        _ => Place::Alone,
    }
}

/// Where nothing is removed from. In a list rather than forgotten, so that leak checkers see it for what it is.
static FOREVER: Mutex<Vec<Kept>> = Mutex::new(Vec::new());
