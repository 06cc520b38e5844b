//! Keys and values on their way out, held in place while they are short.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use redis::{RedisWrite, ToSingleRedisArg};

/// Up to this length, a key or value is held without an allocation.
const IN_PLACE: usize = 88;

/// The bytes of a key or a value.
// Not a `SmallVec`, because one appends with more ado, having to be able to insert: what is built once in an outbox's
// hot path, or in an accessor, is built here, byte by byte where it stays.
#[derive(Clone)]
pub struct Argument(Bytestring);

#[derive(Clone)]
enum Bytestring {
    InPlace { len: u8, bytes: [u8; IN_PLACE] },
    Spilled(Vec<u8>),
}

use Bytestring::{InPlace, Spilled};

impl Argument {
    /// No bytes yet.
    #[inline]
    pub(crate) const fn new() -> Self {
        Self(InPlace {
            len: 0,
            bytes: [0; IN_PLACE],
        })
    }

    /// What redis-rs would send for `value`.
    pub(crate) fn of(value: &impl ToSingleRedisArg) -> Self {
        let mut argument = Self::new();
        value.write_redis_args(&mut argument);
        argument
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            InPlace { len, bytes } => &bytes[..usize::from(*len)],
            Spilled(bytes) => bytes,
        }
    }

    /// Appends `more`.
    #[inline]
    pub(crate) fn push(&mut self, more: &[u8]) {
        if let InPlace { len, bytes } = &mut self.0 {
            let start = usize::from(*len);
            let end = start + more.len();
            if let (Ok(end_len), Some(place)) = (u8::try_from(end), bytes.get_mut(start..end)) {
                place.copy_from_slice(more);
                *len = end_len;
                return;
            }
        }
        self.spill(more);
    }

    #[cold]
    fn spill(&mut self, more: &[u8]) {
        match &mut self.0 {
            InPlace { len, bytes } => {
                let start = &bytes[..usize::from(*len)];
                let mut spilled = Vec::with_capacity(start.len() + more.len() + IN_PLACE);
                spilled.extend_from_slice(start);
                spilled.extend_from_slice(more);
                self.0 = Spilled(spilled);
            }
            Spilled(bytes) => bytes.extend_from_slice(more),
        }
    }
}

impl Default for Argument {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Argument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be secret.
        write!(f, "Argument({} bytes)", self.as_bytes().len())
    }
}

/// A single argument; what comes after a first one is appended to it, since the bound promises that nothing does.
impl RedisWrite for Argument {
    fn write_arg(&mut self, arg: &[u8]) {
        self.push(arg);
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
        self.0.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl From<&[u8]> for Argument {
    #[inline]
    fn from(bytes: &[u8]) -> Self {
        if bytes.len() > IN_PLACE {
            return Self(Spilled(bytes.to_vec()));
        }
        let mut argument = Self::new();
        argument.push(bytes);
        argument
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
        Self(Spilled(bytes))
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

impl From<&&str> for Argument {
    fn from(text: &&str) -> Self {
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

impl From<&Box<str>> for Argument {
    fn from(text: &Box<str>) -> Self {
        text.as_bytes().into()
    }
}

impl From<Arc<str>> for Argument {
    fn from(text: Arc<str>) -> Self {
        text.as_bytes().into()
    }
}

impl From<&Arc<str>> for Argument {
    fn from(text: &Arc<str>) -> Self {
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

impl From<&Cow<'_, str>> for Argument {
    fn from(text: &Cow<'_, str>) -> Self {
        text.as_bytes().into()
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
    fn bytes_are_held_in_place_or_not_and_are_the_same() {
        let text: Vec<u8> = (0..=255).collect();
        for total in 0..text.len() {
            for step in [1, 7, 88, 89, 200] {
                let mut argument = Argument::new();
                text[..total].chunks(step).for_each(|part| argument.push(part));
                assert_eq!(argument.as_bytes(), &text[..total], "in steps of {step}");
                assert_eq!(matches!(argument.0, InPlace { .. }), total <= IN_PLACE);
            }
            assert_eq!(Argument::from(&text[..total]).as_bytes(), &text[..total]);
        }
    }

    #[test]
    fn the_bytes_of_an_argument_are_not_shown() {
        assert_eq!(format!("{:?}", Argument::from("hunter2")), "Argument(7 bytes)");
    }
}
