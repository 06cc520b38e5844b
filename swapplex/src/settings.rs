//! Time limits and bounds of one database.

use std::time::Duration;

use crate::replay::Replay;
use crate::resp::Limits;

/// Longer than any program runs, and short enough to be added to any moment.
pub(crate) const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The longest reply: what is read with it is found again by 32-bit numbers.
pub(crate) const MAX_REPLY: usize = 4_000_000_000;

/// How long things may take, and how much may be held; set with [`ClientBuilder`](crate::ClientBuilder).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) connect_timeout: Duration,
    pub(crate) command_timeout: Duration,
    pub(crate) reconnect_debounce: Duration,
    pub(crate) reconnect_jitter: Duration,
    pub(crate) in_flight_budget: usize,
    pub(crate) reply_limits: Limits,
    pub(crate) replay: Replay,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_secs(5),
            reconnect_debounce: Duration::from_millis(1500),
            reconnect_jitter: Duration::from_millis(500),
            in_flight_budget: 16 * 1024 * 1024,
            reply_limits: Limits::default(),
            replay: Replay::default(),
        }
    }
}
