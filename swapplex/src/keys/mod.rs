//! Typed keys: what [`RedisKeys`](macro@crate::RedisKeys) writes, and what can be done with it.
//!
//! A [`Key`] knows its text, the [shape] of what it holds, the database that it is in, and the
//! [`Policy`] of its family. Its methods are the commands that fit its shape. They encode when they are called and
//! return futures that borrow nothing, [`Get`](crate::Get), [`Set`](crate::Set) and [`Command`], so that they can be
//! spawned.
//!
//! # What is sent twice
//!
//! Where a connection is lost after a command was sent and before it was answered, the command is sent again if nobody
//! can see the difference: if it only reads, or if it has the same effect twice and its method returns `()`
//! ([`Key::delete`], `add`, `set`, `remove`). Methods whose answer would differ the second time (`incr`, `pop`,
//! [`Key::delete_counted`]) are not sent again, and fail with
//! [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown).

pub mod codec;
mod command;
mod commands;
mod custom;
mod draft;
mod field;
mod key;
mod pieces;
mod policy;
mod reply;
mod server_error;
pub mod shape;
mod slot;
mod text;

pub use command::Command;
pub use commands::{Entry, Ttl};
pub use custom::Custom;
pub use key::Key;
pub use policy::{Cached, Policy};

/// What the derive's output calls; not part of what users may rely on.
#[doc(hidden)]
pub mod private {
    pub use super::pieces::{Known, Parameter, Piece, Pieces, Unknown, blank};
    pub use super::policy::positive;
    pub use super::text::{Escaped, Escaping, Number, Part, Text, escaped, is_number, number, text};

    use super::shape::{Cacheable, Shape};
    use crate::database::Database;

    /// A struct whose fields are families of keys; reads them, so that nobody is told that nobody does.
    pub trait Keyspace {
        /// Reads every field.
        fn fields(&self);
    }

    /// Says that a type is a shape, in one error at the type.
    pub const fn is_shape<S: Shape>() {}

    /// Says that a shape can be cached, in one error at the type.
    pub const fn is_cacheable<S: Cacheable>() {}

    /// Says that a type is a database, in one error at the type.
    pub const fn is_database<D: Database>() {}
}
