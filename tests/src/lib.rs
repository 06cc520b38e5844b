//! What tests and benchmarks share: servers of their own, and ways to break the connection to them.
//!
//! - [`RedisServer`]: a real server on a port of its own, killed, restarted and paused at will, and never left behind.
//! - [`Proxy`]: a TCP proxy in this process that cuts, slices, delays, swallows or holds back what passes.
//! - [`ScriptedServer`]: a listener that answers what the test says, or nothing, and notes who dialled when.
//! - [`HttpConnection`]: one keep-alive connection of a load on an HTTP service.
//! - [`poll_times`]: a future that is polled so often and then dropped.
//! - [`child::run`]: a test body in a process of its own, with environment variables of its own.

pub mod child;
mod dials;
mod door;
mod http;
pub mod memory;
mod names;
mod polls;
mod ports;
mod proxy;
mod scripted;
mod server;

pub use dials::Dials;
pub use http::{HttpConnection, HttpResponse, Unanswered};
pub use names::unique_prefix;
pub use polls::{block_on, poll_times};
pub use ports::ReservedPort;
pub use proxy::{Cut, Direction, Flow, Link, Proxy, Side, Traffic};
pub use scripted::{Answer, Request, ScriptedServer, Seen};
pub use server::{Builder, RedisServer, Reply};
