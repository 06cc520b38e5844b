//! What tests and benchmarks share: servers of their own, and ways to break the connection to them.
//!
//! - [`RedisServer`]: a real server on a port of its own, killed, restarted and paused at will, and never left behind.
//! - [`child::run`]: a test body in a process of its own, with environment variables of its own.

pub mod child;
pub mod memory;
mod names;
mod ports;
mod server;

pub use names::unique_prefix;
pub use ports::ReservedPort;
pub use server::{Builder, RedisServer, Reply};
