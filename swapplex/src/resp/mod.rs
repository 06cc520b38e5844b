//! The Redis wire protocol: RESP2 and RESP3 frames as pure functions over bytes.
//!
//! A reply goes through two steps. [`Scanner`] finds where a frame ends, whatever pieces it arrives in, and is the
//! only step that has to trust nothing: limits are checked there, on the lengths as announced, before a byte of
//! what they announce is waited for. What was found whole is then either stepped over in place ([`element`],
//! [`elements`]) or turned into a [`redis::Value`] ([`decode`]).
//!
//! A frame whose *end* cannot be found ([`Scanner::advance`] fails) leaves nothing to be read from that connection.
//! A frame that has an end but holds nonsense ([`decode`] fails) spoils only its own reply.

mod decode;
mod elements;
mod encode;
mod error;
mod lex;
mod limits;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use decode::{decode, without_arguments};
pub(crate) use elements::{Element, attributes, element, elements};
pub(crate) use encode::{array_header, bulk, command};
pub use error::ProtocolError;
pub(crate) use limits::Limits;
pub(crate) use scan::{Frame, Kind, Scanner};
