//! What goes for every key of a family.

use std::time::Duration;

/// What goes for every key of a family: when it expires, whether it may be cached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Policy {
    /// How long after it was written, or created, a key expires. See each shape.
    pub ttl: Option<Duration>,
    /// Whether and how a value may be kept on the client. Without effect so far.
    pub cached: Option<Cached>,
}

/// For how long a value may be kept on the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cached {
    /// Until the server says that it has changed.
    UntilChanged,
    /// At most for this long.
    AtMost(Duration),
}

impl Policy {
    /// Keys stay until they are deleted, and are not cached.
    pub const fn new() -> Self {
        Self {
            ttl: None,
            cached: None,
        }
    }

    /// Keys expire `ttl` after they were written, or created. See each shape.
    ///
    /// # Panics
    ///
    /// Where `ttl` is less than a millisecond, which is as fine as Redis counts, or so long that it cannot count that
    /// far.
    #[must_use]
    #[track_caller]
    pub const fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(positive(ttl));
        self
    }

    /// Values may be kept on the client until the server says that they have changed.
    #[must_use]
    pub const fn cached(mut self) -> Self {
        self.cached = Some(Cached::UntilChanged);
        self
    }

    /// Values may be kept on the client until the server says that they have changed, but not longer than `limit`.
    ///
    /// # Panics
    ///
    /// As [`ttl`](Self::ttl).
    #[must_use]
    #[track_caller]
    pub const fn cached_for(mut self, limit: Duration) -> Self {
        self.cached = Some(Cached::AtMost(positive(limit)));
        self
    }

    /// The TTL as Redis counts it.
    pub(crate) fn ttl_millis(self) -> Option<u64> {
        self.ttl.map(millis)
    }
}

/// A duration as Redis counts it: at least 1, since 0 would delete the key.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis())
        .unwrap_or(LONGEST)
        .clamp(1, LONGEST)
}

/// Milliseconds that Redis can add to the present: beyond, a key "has an invalid expire time".
const LONGEST: u64 = i64::MAX as u64 / 2;

/// A duration that Redis can count.
///
/// # Panics
///
/// As [`Policy::ttl`].
#[track_caller]
pub const fn positive(duration: Duration) -> Duration {
    assert!(
        duration.as_millis() > 0,
        "less than a millisecond: a key would be gone as soon as it is written"
    );
    assert!(
        duration.as_millis() <= LONGEST as u128,
        "longer than Redis can count"
    );
    duration
}
