//! Essays: why swapplex does what it does.
//!
//! - [`batching`]: how requests travel together, and why nobody waits for that.
//! - [`delivery`]: what happens to a command when its connection is lost.
//!
//! What they promise is meant to stay. Figures, such as how many keys share an `MGET`, may change with what is
//! measured.

pub mod batching;
pub mod delivery;
