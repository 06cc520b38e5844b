//! The models lie beside the code they model; this package only builds those files on their own:
//!
//! ```text
//! cargo xtask loom
//! ```
#![cfg(all(test, loom))]

#[path = "../../../swapplex/src/runtime/count.rs"]
mod count;
