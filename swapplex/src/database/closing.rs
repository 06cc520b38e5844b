//! Closes an outbox once the tasks that are ready to run have had their turn.

use std::sync::Arc;

use crate::multiplex::{Close, Connection, Outbox};

/// Lets the other ready tasks go first, and then closes the outbox.
///
/// Closing at once would send the first task's request alone: a spawned task runs right behind its parent. Tokio's
/// own yield comes back when the worker has run out of ready tasks, or after it has run 61 of them.
pub(super) async fn close_late(connection: Arc<Connection>, outbox: Arc<Outbox>) {
    let closing = Closing { connection, outbox };
    tokio::task::yield_now().await;
    drop(closing);
}

/// Closes on drop, so that it also happens when the runtime ends before the task's turn comes.
struct Closing {
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.connection.close(&self.outbox, Close::Late);
    }
}
