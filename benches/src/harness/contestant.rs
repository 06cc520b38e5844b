//! Somebody who takes part in a workload.

use std::time::Duration;

/// In what capacity a contestant takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// swapplex itself.
    Ours,
    /// A client with the same purpose: one of them is the best peer.
    Peer,
    /// Something to compare with that does less, or something else.
    Reference,
}

/// What a contestant has done in its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(super) operations: u64,
    /// What it took by the contestant's own clock, where there is more to its time than its work. The CPU time is
    /// that of all.
    pub(super) elapsed: Option<Duration>,
}

impl From<u64> for Work {
    fn from(operations: u64) -> Self {
        Self {
            operations,
            elapsed: None,
        }
    }
}

/// Somebody who takes part in a workload: a name, and what is to be run.
pub(crate) struct Contestant {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) run: Box<dyn FnMut(Duration) -> Work>,
}

impl Contestant {
    /// swapplex. `run` works for about the given time and gives the number of operations.
    pub(crate) fn ours<W: Into<Work>>(run: impl FnMut(Duration) -> W + 'static) -> Self {
        Self::new("swapplex", Role::Ours, run)
    }

    /// A peer, to beat.
    pub(crate) fn peer<W: Into<Work>>(name: &'static str, run: impl FnMut(Duration) -> W + 'static) -> Self {
        Self::new(name, Role::Peer, run)
    }

    /// No peer, but something to compare with.
    pub(crate) fn reference<W: Into<Work>>(
        name: &'static str,
        run: impl FnMut(Duration) -> W + 'static,
    ) -> Self {
        Self::new(name, Role::Reference, run)
    }

    fn new<W: Into<Work>>(
        name: &'static str,
        role: Role,
        mut run: impl FnMut(Duration) -> W + 'static,
    ) -> Self {
        Self {
            name,
            role,
            run: Box::new(move |duration| run(duration).into()),
        }
    }
}
