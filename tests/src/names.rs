//! Names that nobody else uses.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

static NEXT: AtomicU64 = AtomicU64::new(0);

/// A prefix for keys that no other call returns, in this process or another: `swapplex-4711-0-9f3c…:`.
pub fn unique_prefix() -> String {
    format!(
        "swapplex-{}-{}-{:x}:",
        process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed),
        random()
    )
}

/// A number that differs from call to call and from process to process.
pub(crate) fn random() -> u64 {
    // Every `RandomState` has keys of its own.
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_prefixes_are_the_same() {
        assert_ne!(unique_prefix(), unique_prefix());
    }
}
