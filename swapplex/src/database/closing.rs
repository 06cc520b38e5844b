//! Closes an outbox once the tasks that are ready to run have had their turn.

use std::sync::Arc;

use crate::multiplex::{Connection, Outbox};

/// How often an outbox is let grow on, at most.
const TURNS: usize = 3;
/// An outbox that so many callers joined in one turn is worth another. Tokio's turns are 61 tasks long at most.
const STILL_GROWING: usize = 32;

/// Lets the other ready tasks go first, and then closes the outbox.
///
/// Closing at once would send the first task's request alone: a spawned task runs right behind its parent. Tokio's
/// own yield comes back when the worker has run out of ready tasks, or after it has run 61 of them; in a crowd, a few
/// such turns save the server more work than they cost anybody time.
pub(super) async fn close_late(connection: Arc<Connection>, outbox: Arc<Outbox>) {
    let closing = Closing { connection, outbox };
    let mut callers = 0;
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
        let before = std::mem::replace(&mut callers, closing.outbox.callers());
        if callers - before < STILL_GROWING {
            break;
        }
    }
    drop(closing);
}

/// Closes on drop, so that it also happens when the runtime ends before the task's turn comes.
struct Closing {
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.connection.close(&self.outbox);
    }
}
