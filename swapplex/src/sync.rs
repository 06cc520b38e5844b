//! A lock that outlives a panic, and waking that gets past one.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// Locks, also after a panic elsewhere: what our locks guard is valid between any two statements.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs what may run other people's code, which the panic hook has reported if it panics.
pub(crate) fn get_past(f: impl FnOnce()) {
    // What was thrown may throw again when it is dropped, so it is not.
    let _ = catch_unwind(AssertUnwindSafe(f)).map_err(mem::forget);
}

/// Wakes all of them. A waker is its task's own code: one that panics, which the panic hook has reported, must not keep
/// the others from their answers.
pub(crate) fn wake(wakers: impl IntoIterator<Item = Waker>) {
    let mut wakers = wakers.into_iter();
    // What was thrown may throw again when it is dropped, so it is not.
    while catch_unwind(AssertUnwindSafe(|| wakers.by_ref().for_each(Waker::wake)))
        .map_err(mem::forget)
        .is_err()
    {}
}
