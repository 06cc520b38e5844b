//! Keys and values on their way out, held in place while they are short.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use redis::{RedisWrite, ToSingleRedisArg};
use smallvec::SmallVec;

/// Up to this length, a key or value is held without an allocation.
const IN_PLACE: usize = 88;

/// The bytes of a key or a value.
#[derive(Clone, Default)]
pub struct Argument(SmallVec<[u8; IN_PLACE]>);

impl Argument {
    /// What redis-rs would send for `value`.
    pub(crate) fn of(value: &impl ToSingleRedisArg) -> Self {
        let mut argument = Self::default();
        value.write_redis_args(&mut argument);
        argument
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// An argument in the making: appends with less ado than a [`SmallVec`], which has to be able to insert.
pub(crate) struct Draft {
    in_place: [u8; IN_PLACE],
    len: usize,
    /// All of it, once it is longer than what is held in place.
    spilled: Vec<u8>,
}

impl Draft {
    #[inline]
    pub(crate) const fn new() -> Self {
        Self {
            in_place: [0; IN_PLACE],
            len: 0,
            spilled: Vec::new(),
        }
    }

    #[inline]
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        match self.in_place.get_mut(self.len..end) {
            Some(place) => {
                place.copy_from_slice(bytes);
                self.len = end;
            }
            None => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        if self.spilled.is_empty() {
            self.spilled.reserve_exact(self.len + bytes.len() + IN_PLACE);
            self.spilled.extend_from_slice(&self.in_place[..self.len]);
            // Nothing fits in place from now on.
            self.len = usize::MAX / 2;
        }
        self.spilled.extend_from_slice(bytes);
    }

    #[inline]
    pub(crate) fn finish(self) -> Argument {
        Argument(if self.len <= IN_PLACE {
            SmallVec::from_buf_and_len(self.in_place, self.len)
        } else {
            SmallVec::from_vec(self.spilled)
        })
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret.
        write!(f, "Argument({} bytes)", self.0.len())
    }
}

/// A single argument; what comes after a first one is appended to it, since the bound promises that nothing does.
impl RedisWrite for Argument {
    fn write_arg(&mut self, arg: &[u8]) {
        self.0.extend_from_slice(arg);
    }

    fn write_arg_fmt(&mut self, arg: impl fmt::Display) {
        // Writing to memory does not fail; a `Display` that does says nothing anybody could use.
        let _ = write!(self.writer_for_next_arg(), "{arg}");
    }

    fn writer_for_next_arg(&mut self) -> impl Write + '_ {
        Writer(self)
    }
}

struct Writer<'a>(&'a mut Argument);

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<&[u8]> for Argument {
    fn from(bytes: &[u8]) -> Self {
        Self(SmallVec::from_slice(bytes))
    }
}

impl<const N: usize> From<&[u8; N]> for Argument {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl<const N: usize> From<[u8; N]> for Argument {
    fn from(bytes: [u8; N]) -> Self {
        bytes.as_slice().into()
    }
}

impl From<Vec<u8>> for Argument {
    fn from(bytes: Vec<u8>) -> Self {
        Self(SmallVec::from_vec(bytes))
    }
}

impl From<&Vec<u8>> for Argument {
    fn from(bytes: &Vec<u8>) -> Self {
        bytes.as_slice().into()
    }
}

impl From<Bytes> for Argument {
    fn from(bytes: Bytes) -> Self {
        bytes.as_ref().into()
    }
}

impl From<&Bytes> for Argument {
    fn from(bytes: &Bytes) -> Self {
        bytes.as_ref().into()
    }
}

impl From<&str> for Argument {
    fn from(text: &str) -> Self {
        text.as_bytes().into()
    }
}

impl From<String> for Argument {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<&String> for Argument {
    fn from(text: &String) -> Self {
        text.as_bytes().into()
    }
}

impl From<Box<str>> for Argument {
    fn from(text: Box<str>) -> Self {
        String::from(text).into()
    }
}

impl From<Arc<str>> for Argument {
    fn from(text: Arc<str>) -> Self {
        text.as_bytes().into()
    }
}

impl From<Cow<'_, str>> for Argument {
    fn from(text: Cow<'_, str>) -> Self {
        match text {
            Cow::Borrowed(text) => text.into(),
            Cow::Owned(text) => text.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_redis_rs_writes_it() {
        fn check(value: impl ToSingleRedisArg + Clone) {
            assert_eq!([Argument::of(&value).as_bytes()], *value.to_redis_args());
        }
        check("text");
        check(String::from("text"));
        check(b"\x00\xff".as_slice());
        check(-7_i64);
        check(1.5_f64);
        check(true);
    }

    #[test]
    fn the_bytes_of_an_argument_are_not_shown() {
        assert_eq!(format!("{:?}", Argument::from("hunter2")), "Argument(7 bytes)");
    }
}
