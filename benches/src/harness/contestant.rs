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

/// Somebody who takes part in a workload: a name, and what is to be run.
pub(crate) struct Contestant {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) run: Box<dyn FnMut(Duration) -> u64>,
}

impl Contestant {
    /// swapplex. `run` works for about the given time and gives the number of operations.
    pub(crate) fn ours(run: impl FnMut(Duration) -> u64 + 'static) -> Self {
        Self::new("swapplex", Role::Ours, run)
    }

    /// A peer, to beat.
    pub(crate) fn peer(name: &'static str, run: impl FnMut(Duration) -> u64 + 'static) -> Self {
        Self::new(name, Role::Peer, run)
    }

    /// No peer, but something to compare with.
    pub(crate) fn reference(name: &'static str, run: impl FnMut(Duration) -> u64 + 'static) -> Self {
        Self::new(name, Role::Reference, run)
    }

    fn new(name: &'static str, role: Role, run: impl FnMut(Duration) -> u64 + 'static) -> Self {
        Self {
            name,
            role,
            run: Box::new(run),
        }
    }
}
