//! Counts allocations of the whole process, where the feature of that name is on.

#[cfg(feature = "allocations")]
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[cfg(feature = "allocations")]
#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Whether allocations are counted. Times mean nothing then.
pub(super) const COUNTS: bool = cfg!(feature = "allocations");

/// Allocations so far; a buffer that grows counts once more.
#[cfg(feature = "allocations")]
pub(super) fn count() -> u64 {
    let stats = ALLOCATOR.stats();
    (stats.allocations + stats.reallocations) as u64
}

#[cfg(not(feature = "allocations"))]
pub(super) fn count() -> u64 {
    0
}
