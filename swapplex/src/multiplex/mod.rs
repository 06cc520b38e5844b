//! One live socket shared by many callers: outboxes out, replies in, in order.
//!
//! Knows nothing of the environment, of reconnecting or of retrying: a request that got no answer is given back
//! with what is known of it, down to how many of its bytes the socket took.

mod budget;
mod cause;
mod connection;
mod driver;
mod group;
mod handshake;
mod outbox;
mod undelivered;
mod waking;
mod wire;

pub use cause::LostCause;
pub(crate) use connection::Connection;
pub(crate) use driver::Driver;
pub use handshake::HandshakeError;
pub(crate) use handshake::{Greeting, Identity, greet};
pub(crate) use outbox::{Ask, MAX_BYTES, Outbox, Push, Reply, Sealed, SlotIndex, Tally};
pub(crate) use undelivered::{Reason, Undelivered};
