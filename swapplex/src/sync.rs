//! A lock that outlives a panic, and waking that gets past one.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Locks, also after a panic elsewhere: what our locks guard is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Wakes all of them. A waker is its task's own code: one that panics, which the panic hook has reported, must not keep
/// the others from their answers.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    let mut wakers = wakers.into_iter();
    notify(|| wakers.by_ref().for_each(Waker::wake));
}

/// Has all be woken who wait, by what lets go of them before it wakes them: likewise.
pub(crate) fn notify(mut all: impl FnMut()) {
    // What was thrown may throw again when it is dropped, so it is not.
    while catch_unwind(AssertUnwindSafe(&mut all))
        .map_err(mem::forget)
        .is_err()
    {}
}
