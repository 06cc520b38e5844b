//! Which lost connections can do no more harm.
//!
//! Closing a socket does not stop the server from executing what it has received. Were a write sent again while its
//! first copy is still on its way there, the first could run after the second, and after what others have written since.
//! So a new connection, as part of its handshake, has the server close the one before: afterwards nothing of that one
//! will run. Whether that was possible is noted here.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::sync::lock;

/// So many connections' fences are remembered: far more than are lost within the deadline of a request.
const KEPT: usize = 256;

/// Fences of one database's connections, by epoch; see the [module](self).
#[derive(Debug, Default)]
pub(super) struct Fences {
    known: Mutex<VecDeque<(u64, bool)>>,
    has_warned: AtomicBool,
}

impl Fences {
    /// Notes whether the server is certain to execute nothing more of connection `epoch`.
    pub(super) fn record(&self, epoch: u64, holds: bool) {
        let mut known = lock(&self.known);
        if known.len() == KEPT {
            known.pop_front();
        }
        known.push_back((epoch, holds));
    }

    /// Whether the server is certain to execute nothing more of connection `epoch`, if that was tried.
    pub(super) fn holds(&self, epoch: u64) -> Option<bool> {
        let known = lock(&self.known);
        known
            .iter()
            .find_map(|(known, holds)| (*known == epoch).then_some(*holds))
    }

    /// Says, once, that writes to `database` are not sent again for want of a fence.
    pub(super) fn warn(&self, database: impl fmt::Display) {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "swapplex::replay",
                %database,
                "writes that were sent when their connection was lost are not sent again but end as an unknown \
                 outcome, because the server does not let us see to it that they don't run late: \
                 that takes a TCP connection, CLIENT INFO (Redis 6.2) and CLIENT KILL, and the right to use both \
                 (+client|info +client|kill)"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_past_is_forgotten() {
        let fences = Fences::default();
        fences.record(1, true);
        fences.record(2, false);
        assert_eq!(
            [1, 2, 3].map(|epoch| fences.holds(epoch)),
            [Some(true), Some(false), None]
        );
        for epoch in 3..=300 {
            fences.record(epoch, true);
        }
        assert_eq!(fences.holds(1), None, "forgotten");
        assert_eq!(fences.holds(300), Some(true));
    }
}
