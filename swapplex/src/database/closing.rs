//! Closes an outbox once the tasks that are ready to run have had their turn.

use std::sync::{Arc, Mutex};

use crate::multiplex::{Connection, Outbox};
use crate::sync::lock;

/// An outbox that so many callers have joined in each turn is given another. Tokio's turns are 61 tasks long at most.
const STILL_GROWING: usize = 32;
/// So many turns at most.
const TURNS: usize = 3;
/// The same where no keys share a command.
const PLAIN_TURNS: usize = 2;

/// Has a thread's open outbox closed by a task that lets the other ready tasks go first.
///
/// Closing at once would send the first task's request alone: a spawned task runs right behind its parent. Tokio's
/// own yield comes back when the worker has run out of ready tasks, or after it has run 61 of them. In a crowd a second
/// such turn saves the server more work than it costs anybody time.
///
/// A third one is only given to keys that share a command. It is there for bursts: 1,024 tasks that are spawned at once
/// then travel in 7 or 8 `MGET`s, and without it in up to 15 on a busy machine. 4,096 tasks with one get after another
/// take 0.93 of the time with it, and 512 tasks 1.09 (loopback, two processors, 40 and 100 turns). Plain commands gain
/// nothing from it.
///
/// One such task serves all outboxes that are opened before its turn comes. Each spawned task may wake another worker,
/// and a caller who fills one outbox after the other would pay for that every time.
#[derive(Debug, Default)]
pub(super) struct Closer {
    /// The outbox that the task will close; `None` where no task is on its way.
    next: Mutex<Option<Next>>,
}

#[derive(Debug)]
struct Next {
    connection: Arc<Connection>,
    outbox: Arc<Outbox>,
}

/// What has to be done so that an outbox is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entrusted {
    /// Nothing: a task is on its way.
    UnderWay,
    /// A [task](close_late) has to be spawned.
    First,
    /// This closer still has an open outbox to close; another has to be asked.
    Busy,
}

impl Closer {
    /// Asks for `outbox` to be closed.
    pub(super) fn entrust(&self, connection: &Arc<Connection>, outbox: &Arc<Outbox>) -> Entrusted {
        let mut next = lock(&self.next);
        let entrusted = match &*next {
            None => Entrusted::First,
            Some(earlier) if earlier.outbox.is_open() => return Entrusted::Busy,
            Some(_) => Entrusted::UnderWay,
        };
        *next = Some(Next {
            connection: Arc::clone(connection),
            outbox: Arc::clone(outbox),
        });
        entrusted
    }

    /// Whether what there is to close has so many callers after these turns that more will come.
    fn is_growing(&self, turns: usize) -> bool {
        let next = lock(&self.next);
        next.as_ref().is_some_and(|Next { outbox, .. }| {
            let may_grow = turns < PLAIN_TURNS || outbox.has_groups();
            may_grow && outbox.is_open() && outbox.callers() >= turns * STILL_GROWING
        })
    }
}

/// Lets the other ready tasks go first, and then closes what `closer` was entrusted with last.
pub(super) fn close_late(closer: Arc<Closer>) -> impl Future<Output = ()> {
    // Made here and not in the future's body, which never runs if the runtime ends before it is first polled.
    let closing = Closing(closer);
    async move {
        for turns in 1..=TURNS {
            tokio::task::yield_now().await;
            if !closing.0.is_growing(turns) {
                break;
            }
        }
        drop(closing);
    }
}

/// Closes on drop, so that it also happens when the runtime ends before the task's turn comes.
struct Closing(Arc<Closer>);

impl Drop for Closing {
    fn drop(&mut self) {
        let next = lock(&self.0.next).take();
        if let Some(Next { connection, outbox }) = next {
            connection.close(&outbox);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_task_closes_what_is_opened_before_its_turn() {
        let connection = Arc::new(Connection::new(1, None, usize::MAX, Arc::default()));
        let open = || connection.open(1).expect("there is room");
        let closer = Arc::new(Closer::default());
        let (first, second) = (open(), open());
        assert_eq!(closer.entrust(&connection, &first), Entrusted::First);
        assert_eq!(
            closer.entrust(&connection, &second),
            Entrusted::Busy,
            "the first one would stay open"
        );
        connection.close(&first);
        assert_eq!(closer.entrust(&connection, &second), Entrusted::UnderWay);
        // As where the runtime ends before the task is first polled.
        drop(close_late(Arc::clone(&closer)));
        assert!(!second.is_open());
        assert_eq!(
            closer.entrust(&connection, &open()),
            Entrusted::First,
            "none is on its way"
        );
    }
}
