//! Who dialled when.

use std::time::{Duration, Instant};

/// When each connection to a proxy or a scripted server was accepted, in order.
#[derive(Clone, Debug, Default)]
pub struct Dials(Vec<Instant>);

impl Dials {
    pub(crate) fn note(&mut self) {
        self.0.push(Instant::now());
    }

    /// How many connections were accepted.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The moments themselves.
    pub fn times(&self) -> &[Instant] {
        &self.0
    }

    /// The time between each dial and the next.
    pub fn gaps(&self) -> Vec<Duration> {
        self.0.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }
}
