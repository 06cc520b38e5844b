//! How bytes pass through the proxy.

use std::time::Duration;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    Requests,
    /// From the server to the client.
    Replies,
}

impl Direction {
    pub(super) fn index(self) -> usize {
        match self {
            Self::Requests => 0,
            Self::Replies => 1,
        }
    }
}

/// What happens to bytes that go one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They pass.
    #[default]
    Pass,
    /// They pass in writes of at most this many bytes, other tasks having their turn in between.
    Slice(usize),
    /// They pass in writes of at most `bytes`, with `every` between one and the next.
    Throttle {
        /// The most that passes at once.
        bytes: usize,
        /// The time after each write.
        every: Duration,
    },
    /// Each byte passes this long after it arrived; many can be under way.
    Delay(Duration),
    /// They are kept, with the end of the stream if it comes, until the flow is set to something else.
    ///
    /// A mebibyte at most; then the sender can send no more.
    Hold,
    /// They are thrown away, and so is the end of the stream: the other side is never told that this one has gone.
    Swallow,
}

impl Flow {
    /// The most to write at once.
    pub(super) fn slice(self) -> usize {
        match self {
            Self::Slice(bytes) | Self::Throttle { bytes, .. } => bytes.max(1),
            _ => usize::MAX,
        }
    }
}
