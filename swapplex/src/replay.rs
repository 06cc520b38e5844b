//! What may be sent again, and the decisions that follow: pure functions of what is known.

use crate::command::Class;

/// What may be sent again after it was sent and its connection was lost before the answer came.
///
/// A command in that state was executed or it was not, and nobody can tell. Each level sends more of them again; what it
/// does not send again ends as [`OutcomeUnknown`](crate::Error::OutcomeUnknown). Not a question of the level, and always
/// sent again: what was not fully sent, and what the server has refused with `LOADING` or `READONLY`, since that
/// certainly was not executed.
///
/// Set for a client with [`ClientBuilder::replay`](crate::ClientBuilder::replay), for a database with a type of its own
/// with `#[swapplex(replay = "reads")]` beside [`#[derive(Database)]`](macro@crate::Database), for one handle with
/// [`ManagedConnection::replay`](crate::ManagedConnection::replay). [`docs::delivery`](crate::docs::delivery) has the
/// whole story.
///
/// # Examples
///
/// ```no_run
/// use redis::AsyncCommands;
/// use swapplex::{Replay, get_connection};
///
/// # async fn example() -> redis::RedisResult<()> {
/// // Nobody looks at how many were new, so adding them a second time is fine.
/// let mut tags = get_connection().replay(Replay::Effects);
/// let _: u64 = tags.sadd("user:7:tags", "beta").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Replay {
    /// Nothing, not even reads: every command reaches the server once at most.
    ///
    /// For a server whose every command is counted or billed, or to see each loss.
    Never,
    /// Commands that change nothing: `GET`, `HGETALL`, `ZRANGE`.
    ///
    /// For databases where another client's write must never be overwritten by an older one of ours: no write is sent
    /// twice.
    Reads,
    /// Also writes that leave the same value and answer the same when they run twice: `SET` (without conditions),
    /// `MSET`, `SETEX`, a batched [`set`](crate::set), and methods of typed keys that return nothing, such as
    /// [`delete`](crate::Key::delete).
    ///
    /// Not a pipeline that reads what it then writes, as the second time it would read that:
    /// [`docs::delivery`](crate::docs::delivery#pipelines).
    ///
    /// Such a write can run a second time up to the command timeout after the first, and so overwrite what another
    /// client has written in between: its `DEL` after our first `SET`, for example.
    #[default]
    Idempotent,
    /// Also writes whose effect is the same while their answer is not: `DEL`, `HSET`, `SADD`, `EXPIRE`, `ZADD`.
    ///
    /// Their answer may be that of the second time: a `SADD` that added two members says that none was new. For callers
    /// who don't look at it. They can overwrite others' writes as above.
    Effects,
    /// Everything, `INCR`, `LPUSH` and scripts included: such a command runs once or more often.
    ///
    /// For commands of which you know that twice does no harm: a script that checks for itself, for example.
    Always,
}

/// What becomes of a request whose connection is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterLoss {
    /// None of it can have been executed: send it.
    Send,
    /// It may have been executed: send it again. With `is_fenced`, not before it is certain that it won't be executed
    /// late, from what the old connection has left with the server.
    SendAgain { is_fenced: bool },
    /// Its outcome is unknown, and stays so.
    Unknown,
}

/// What becomes of a request whose time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterDeadline {
    NotExecuted,
    /// It has no answer, and changes nothing.
    Timeout,
    Unknown,
}

/// Decides after a loss. `sent` is the worst class of what may have been executed, if anything may.
pub(crate) fn after_loss(sent: Option<Class>, level: Replay) -> AfterLoss {
    let Some(class) = sent else {
        return AfterLoss::Send;
    };
    let needed = match class {
        Class::Read => Replay::Reads,
        Class::Idempotent => Replay::Idempotent,
        Class::Effects => Replay::Effects,
        Class::Other => Replay::Always,
    };
    if level >= needed {
        AfterLoss::SendAgain {
            is_fenced: class != Class::Read,
        }
    } else {
        AfterLoss::Unknown
    }
}

/// Decides after a deadline; nothing is sent again then. `sent` is as for [`after_loss`].
pub(crate) fn after_deadline(sent: Option<Class>) -> AfterDeadline {
    match sent {
        None => AfterDeadline::NotExecuted,
        Some(Class::Read) => AfterDeadline::Timeout,
        Some(_) => AfterDeadline::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Class::{Effects, Idempotent, Other, Read};

    const LEVELS: [Replay; 5] = [
        Replay::Never,
        Replay::Reads,
        Replay::Idempotent,
        Replay::Effects,
        Replay::Always,
    ];
    const CLASSES: [Class; 4] = [Read, Idempotent, Effects, Other];

    #[test]
    fn each_level_sends_one_class_more_again() {
        for (allowed, level) in LEVELS.into_iter().enumerate() {
            for (rank, class) in CLASSES.into_iter().enumerate() {
                let expected = if rank < allowed {
                    AfterLoss::SendAgain {
                        is_fenced: class != Read,
                    }
                } else {
                    AfterLoss::Unknown
                };
                assert_eq!(after_loss(Some(class), level), expected, "{class:?} at {level:?}");
            }
        }
    }

    #[test]
    fn what_was_not_sent_is_sent_at_every_level() {
        for level in LEVELS {
            assert_eq!(after_loss(None, level), AfterLoss::Send);
        }
    }

    #[test]
    fn a_deadline_leaves_no_doubt_about_what_was_not_sent_or_only_reads() {
        assert_eq!(after_deadline(None), AfterDeadline::NotExecuted);
        assert_eq!(after_deadline(Some(Read)), AfterDeadline::Timeout);
        for class in [Idempotent, Effects, Other] {
            assert_eq!(after_deadline(Some(class)), AfterDeadline::Unknown);
        }
    }

    #[test]
    fn the_default_is_idempotent() {
        assert_eq!(Replay::default(), Replay::Idempotent);
    }
}
