//! The barrier-protected Tokio runtime and thread-local references.
//!
//! A task that wants the data of the worker thread it runs on usually can't keep a reference to them: after the
//! next `.await` it may be on another thread, and the first one may have ended. This runtime keeps the data of its
//! threads until all of them have arrived at their end and all references are gone, so a [`LocalRef`] is
//! `'static`, crosses threads, and costs no shared counter. [`docs`] says how, and when it pays.
//!
//! The same code works under any other runtime, where such data stay for ever (the feature `leaky-context`) or are
//! counted one by one.

mod attach;
mod barrier;
mod builder;
mod context;
mod count;
pub mod docs;
mod end;
mod guarded;
mod place;
#[expect(unsafe_code, reason = "the one module that holds it, and the argument for it")]
mod raw;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub use context::{AsyncLocal, Context};
pub use end::on_end;
pub(crate) use end::{Settle, at_end, caught, within};
pub use guarded::Runtime;
pub use raw::LocalRef;
