//! Essays: why swapplex does what it does.
//!
//! - [`batching`]: how requests travel together, and why nobody waits for that.
//! - [`delivery`]: what happens to a command when its connection is lost.
//! - [`connection_manager`]: what to change in a program that uses redis-rs's `ConnectionManager`.
//! - [`keys`]: how typed keys are written, escaped, shared and migrated.
//! - [`mod@tracing`]: what is told to `tracing`, and what it costs.
//! - [`testing`]: how to test a program that uses this.
//!
//! What they promise is meant to stay. Figures, such as how many keys share an `MGET`, may change with what is
//! measured.

pub mod batching;
pub mod connection_manager;
pub mod delivery;
pub mod keys;
pub mod testing;
pub mod tracing;
