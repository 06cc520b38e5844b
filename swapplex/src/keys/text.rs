//! How a key's text comes about: literal text as it is, parameters escaped.
//!
//! Text is escaped so that different parameters of one template never give the same key. Whatever ends a parameter
//! in its template cannot occur in the parameter's own text, so reading from the left finds each parameter's end.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::marker::PhantomData;

use crate::argument::Argument;

/// What ends a parameter that nothing in particular follows; escaped in every parameter anyway.
const ANY: u8 = b':';

/// Says whether what is being formatted is the template's own text or a parameter's.
///
/// A parameter knows its [`Formatter`](fmt::Formatter) but not the sink behind it, so the two meet here.
#[derive(Debug, Default)]
pub struct Escaping {
    /// The separator behind the parameter that is being written; `None` between parameters.
    separator: Cell<Option<u8>>,
}

impl Escaping {
    /// Nothing is being written.
    pub const fn new() -> Self {
        Self {
            separator: Cell::new(None),
        }
    }

    /// Writes a key.
    ///
    /// # Panics
    ///
    /// When a parameter's `Display` fails, as in `format!`: half of a key is another key.
    #[inline]
    pub(super) fn key(&self, prefix: &str, template: fmt::Arguments<'_>) -> Argument {
        let mut sink = Sink {
            text: Argument::from(prefix),
            escaping: self,
        };
        sink.write_fmt(template)
            .expect("the Display of a key's parameter returned an error");
        sink.text
    }
}

struct Sink<'a> {
    text: Argument,
    escaping: &'a Escaping,
}

impl Write for Sink<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        match self.escaping.separator.get() {
            None => self.text.push(text.as_bytes()),
            Some(separator) if is_clean(text.as_bytes(), separator) => self.text.push(text.as_bytes()),
            Some(separator) => escape(&mut self.text, text.as_bytes(), separator),
        }
        Ok(())
    }
}

/// Whether a parameter's text does not hold this byte as it is.
#[inline]
#[expect(
    clippy::needless_bitwise_bool,
    reason = "a way out in between would cost more than it saves"
)]
const fn is_special(byte: u8, separator: u8) -> bool {
    (byte < 0x20)
        | (byte == 0x7f)
        | (byte == b'%')
        | (byte == b':')
        | (byte == b'{')
        | (byte == b'}')
        | (byte == separator)
}

/// [`is_special`], but for the separator: for short texts, to look a byte up is faster than to compare it.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut byte = 0_u8;
    loop {
        special[byte as usize] = is_special(byte, b':');
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    special
};

/// Whether there is nothing to escape, as in nearly every text.
#[inline]
pub(super) fn is_clean(text: &[u8], separator: u8) -> bool {
    // Without a way out in between, the compiler looks at all bytes of a chunk at once.
    let is_clean = |chunk: &[u8; 16]| {
        let found = chunk
            .iter()
            .fold(0, |found, &byte| found | u8::from(is_special(byte, separator)));
        found == 0
    };
    match text.last_chunk() {
        // What the chunks leave over is in the last one, whose first bytes are looked at twice.
        Some(last) => text.as_chunks().0.iter().all(is_clean) && is_clean(last),
        None => !text
            .iter()
            .any(|&byte| SPECIAL[usize::from(byte)] || byte == separator),
    }
}

#[cold]
pub(super) fn escape(out: &mut Argument, text: &[u8], separator: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| is_special(byte, separator)) {
        let byte = usize::from(rest[at]);
        out.push(&rest[..at]);
        out.push(&[b'%', DIGITS[byte >> 4], DIGITS[byte & 15]]);
        rest = &rest[at + 1..];
    }
    out.push(rest);
}

/// A parameter that is escaped as it is written, in whichever format it is asked for.
#[derive(Debug)]
pub struct Escaped<'a, T: ?Sized> {
    value: &'a T,
    escaping: &'a Escaping,
    separator: u8,
}

/// A parameter that only the formats of numbers are asked of.
#[inline]
pub const fn escaped<'a, T: ?Sized>(
    value: &'a T,
    escaping: &'a Escaping,
    separator: Option<u8>,
) -> Escaped<'a, T> {
    Escaped {
        value,
        escaping,
        separator: match separator {
            Some(separator) => separator,
            None => ANY,
        },
    }
}

macro_rules! forward {
    ($($format:ident),*) => {$(
        impl<T: fmt::$format + ?Sized> fmt::$format for Escaped<'_, T> {
            #[inline]
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.escaping.separator.set(Some(self.separator));
                let result = self.value.fmt(f);
                self.escaping.separator.set(None);
                result
            }
        }
    )*};
}

forward!(Display, LowerHex, UpperHex, Binary, Octal);

/// A parameter that only `{}` is asked of, escaped as it is written.
///
/// It can be formatted whatever the parameter is, so that one that is no [`Part`] is one error, and not another one where
/// it is formatted. The parameter's type is there for editors, which show it at a placeholder.
pub struct Text<'a, T>(Escaped<'a, dyn fmt::Display + 'a>, PhantomData<&'a T>);

impl<T> fmt::Display for Text<'_, T> {
    #[inline]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T> fmt::Debug for Text<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").finish_non_exhaustive()
    }
}

/// A parameter, escaped as it is written.
#[inline]
pub fn text<'a, T: Part>(value: &'a T, escaping: &'a Escaping, separator: Option<u8>) -> Text<'a, T> {
    Text(escaped(value.display(), escaping, separator), PhantomData)
}

/// An integer, padded, escaped as it is written.
#[inline]
pub const fn number<'a, T: Number>(
    value: &'a T,
    escaping: &'a Escaping,
    separator: Option<u8>,
) -> Escaped<'a, T> {
    escaped(value, escaping, separator)
}

/// What can be written into a key: whatever is [`Display`](fmt::Display).
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be written into a key",
    label = "does not implement `Display`",
    note = "a key's parts are written with Display",
    note = "for bytes, take a type that implements `LowerHex`, and write it as `{{digest:x}}`"
)]
pub trait Part {
    /// What writes it.
    fn display(&self) -> &dyn fmt::Display;
}

#[diagnostic::do_not_recommend]
impl<T: fmt::Display> Part for T {
    #[inline]
    fn display(&self) -> &dyn fmt::Display {
        self
    }
}

/// What can be padded with zeros: integers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be padded in a key",
    label = "not an integer",
    note = "padded, different texts could give the same key; write it as it is, without a width"
)]
pub trait Number {}

/// Says that a type can be padded, in one error at the type.
pub const fn is_number<T: Number>() {}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Number for $number {}
        impl Number for &$number {}
    )*};
}

numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: &str, separator: Option<u8>) -> String {
        let escaping = Escaping::new();
        let value = text(&value, &escaping, separator);
        let key = escaping.key("p:", format_args!("a{{{value}}}:{value}%"));
        String::from_utf8(key.as_bytes().to_vec()).expect("UTF-8")
    }

    #[test]
    fn literal_text_passes_and_parameters_are_escaped() {
        assert_eq!(key("x", None), "p:a{x}:x%");
        assert_eq!(
            key("\0:{}%\x7f/é\n", Some(b'/')),
            "p:a{%00%3A%7B%7D%25%7F%2Fé%0A}:%00%3A%7B%7D%25%7F%2Fé%0A%"
        );
        assert_eq!(key("/-", Some(b'-')), "p:a{/%2D}:/%2D%");
    }

    #[test]
    fn what_needs_escaping_is_found_wherever_it_is() {
        for length in 0..70 {
            let clean = vec![b'a'; length];
            assert!(is_clean(&clean, b'-'), "{length} bytes");
            for (place, special) in (0..length).flat_map(|place| [(place, b'%'), (place, b'-')]) {
                let mut text = clean.clone();
                text[place] = special;
                assert!(!is_clean(&text, b'-'), "byte {place} of {length}");
            }
        }
    }

    #[test]
    fn numbers_keep_their_format() {
        let escaping = Escaping::new();
        let n = number(&&-7_i32, &escaping, Some(b'-'));
        assert_eq!(
            escaping.key("", format_args!("{n:04}-{n:x}")).as_bytes(),
            b"%2D007-fffffff9"
        );
    }

    #[test]
    #[should_panic(expected = "returned an error")]
    fn half_a_key_is_no_key() {
        struct Failing;
        impl fmt::Display for Failing {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("half")?;
                Err(fmt::Error)
            }
        }
        let escaping = Escaping::new();
        let failing = text(&Failing, &escaping, None);
        escaping.key("", format_args!("{failing}"));
    }
}
