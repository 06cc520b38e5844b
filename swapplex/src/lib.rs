//! A Redis layer that is never debugged.

pub mod config;
mod resp;
pub mod runtime;

pub use swapplex_macros::{main, test};

// For the expansion of `#[tokio::test(crate = "swapplex")]`.
#[doc(hidden)]
pub use tokio::pin;
