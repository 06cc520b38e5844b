//! How values become bytes and come back.
//!
//! A codec is a type without values that a [shape](crate::shape) names: `Value<Profile, Json>`. [`Plain`], the default,
//! stores what redis-rs stores for a single argument: text, numbers, bytes in a `Vec<u8>`. [`Raw`] stores [`Bytes`]. `Json`
//! (feature `json`) and `Postcard` (feature `postcard`) store what derives serde's `Serialize` and `Deserialize`.
//!
//! Values may be secret, and errors are logged: what these say of a value that they can't decode repeats nothing of
//! it. The key is named, and what was expected; `Plain` adds how many bytes there are, `Json` where in them it gave up.
//!
//! For a codec of your own, implement [`Encode`] and [`Decode`]:
//!
//! ```
//! use bytes::Bytes;
//! use swapplex::codec::{Decode, Encode, Failure};
//!
//! /// Numbers as eight bytes, so that they sort.
//! pub struct BigEndian;
//!
//! impl Encode<u64> for BigEndian {
//!     fn encode(value: &u64, out: &mut Vec<u8>) -> Result<(), Failure> {
//!         out.extend_from_slice(&value.to_be_bytes());
//!         Ok(())
//!     }
//! }
//!
//! impl Decode<u64> for BigEndian {
//!     fn decode(bytes: Bytes) -> Result<u64, Failure> {
//!         Ok(u64::from_be_bytes(bytes.as_ref().try_into()?))
//!     }
//! }
//! ```

#[cfg(feature = "json")]
mod json;
mod plain;
#[cfg(feature = "postcard")]
mod postcard;
mod raw;

use std::borrow::Borrow;
use std::error::Error;

use bytes::Bytes;

#[cfg(feature = "json")]
pub use json::Json;
pub use plain::Plain;
#[cfg(feature = "postcard")]
pub use postcard::Postcard;
pub use raw::Raw;

/// Why a value could not be encoded or decoded, in the codec's own words.
pub type Failure = Box<dyn Error + Send + Sync>;

/// Makes bytes of values of the type `T`.
pub trait Encode<T: ?Sized> {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// Where the value has no such form.
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure>;
}

/// Makes values of the type `T` of bytes.
pub trait Decode<T> {
    /// Reads a value.
    ///
    /// `bytes` may be a slice of a large buffer: copy what the value keeps.
    ///
    /// # Errors
    ///
    /// Where the bytes are no such value. Users will see the text in [`Error::Decode`](crate::Error::Decode), so it should
    /// repeat nothing of them.
    fn decode(bytes: Bytes) -> Result<T, Failure>;
}

/// Encodes and decodes values of the type `T`: whatever does both.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store `{T}`",
    label = "the codec `{Self}` cannot store `{T}`",
    note = "`Plain` stores text, numbers and `Vec<u8>`, and `Raw` stores `bytes::Bytes`",
    note = "for your own types name a codec, such as `Value<{T}, Json>`: `Json` and `Postcard` store what derives serde's \
            `Serialize` and `Deserialize`"
)]
pub trait Codec<T>: Encode<T> + Decode<T> {}

#[diagnostic::do_not_recommend]
impl<T, C: Encode<T> + Decode<T>> Codec<T> for C {}

/// A value that can stand for a stored `Self`: a borrowed form of it, such as `str` for `String`.
#[diagnostic::on_unimplemented(
    message = "`{Q}` is not what this key stores",
    label = "expected `&{Self}`, or a borrowed form of it, such as `&str` for a `String`",
    note = "the key's type says what it stores, and the codec `{C}` how"
)]
pub trait Stores<Q: ?Sized, C> {
    /// Appends the value's bytes to `out`.
    ///
    /// # Errors
    ///
    /// As [`Encode::encode`].
    fn encode(value: &Q, out: &mut Vec<u8>) -> Result<(), Failure>;
}

#[diagnostic::do_not_recommend]
impl<T: Borrow<Q>, Q: ?Sized, C: Encode<Q>> Stores<Q, C> for T {
    fn encode(value: &Q, out: &mut Vec<u8>) -> Result<(), Failure> {
        C::encode(value, out)
    }
}
