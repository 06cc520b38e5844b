//! The short cut to a key's text: what is text or a number already is written as it is.
//!
//! `core::fmt` calls a function behind a pointer for each piece of a template, and another one for each parameter in it,
//! which takes longer than all the rest. So an accessor writes the pieces one by one, and has its template formatted
//! only where there is a parameter that can do nothing but [`Display`](fmt::Display) itself.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::key::Key;
use super::policy::Policy;
use super::text::{Escaping, escape, is_clean};
use crate::argument::Argument;

/// A key in the making, piece by piece, where the key itself is: to move what was just written in pieces takes as long
/// as to write it.
pub struct Pieces<'k> {
    text: &'k mut Argument,
    /// All pieces so far could be written.
    is_whole: bool,
}

/// A key without text.
#[inline]
pub fn blank<S, D>(policy: &'static Policy) -> Key<S, D> {
    Key::with_policy(Argument::new(), policy)
}

/// A parameter, as far as it can be written without being formatted.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a> {
    /// As it is.
    Text(&'a str),
    /// In decimal.
    Number(u64),
    /// It has to be formatted.
    Other,
}

impl<'k> Pieces<'k> {
    /// The pieces of a blank key.
    #[inline]
    pub fn of<S, D>(key: &'k mut Key<S, D>) -> Self {
        Self {
            text: key.text_mut(),
            is_whole: true,
        }
    }

    /// Goes on with the template's own text.
    #[inline]
    pub fn text(&mut self, text: &str) {
        self.text.push(text.as_bytes());
    }

    /// Goes on with a parameter: escaped along with `separator`, and as a number not shorter than `width`.
    #[inline]
    pub fn escaped(&mut self, piece: Piece<'_>, separator: u8, width: usize) {
        match piece {
            Piece::Text(text) if is_clean(text.as_bytes(), separator) => self.text(text),
            Piece::Text(text) => escape(self.text, text.as_bytes(), separator),
            Piece::Number(number) if !separator.is_ascii_digit() => self.number(number, width),
            Piece::Number(_) | Piece::Other => self.is_whole = false,
        }
    }

    /// Goes on with a parameter as it is, and as a number not shorter than `width`.
    #[inline]
    pub fn raw(&mut self, piece: Piece<'_>, width: usize) {
        match piece {
            Piece::Text(text) => self.text(text),
            Piece::Number(number) => self.number(number, width),
            Piece::Other => self.is_whole = false,
        }
    }

    #[inline]
    fn number(&mut self, number: u64, width: usize) {
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        for _ in digits.len()..width {
            self.text.push(b"0");
        }
        self.text(digits);
    }

    /// Ends the key: by the long way, where the short one did not lead there.
    ///
    /// # Panics
    ///
    /// When a parameter's `Display` fails, as in `format!`.
    #[inline]
    pub fn finish(self, escaping: &Escaping, prefix: &str, template: fmt::Arguments<'_>) {
        if !self.is_whole {
            *self.text = escaping.key(prefix, template);
        }
    }
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pieces").finish_non_exhaustive()
    }
}

/// A parameter of whatever type.
#[derive(Debug)]
pub struct Parameter<'a, T>(pub &'a T);

/// For types that can be written as they are.
///
/// A method call prefers this trait to [`Unknown`], which takes one more reference, so that it is the type that decides.
/// A generic parameter is [`Unknown`], whatever type it turns out to be.
/// It has to be a method call, which would also find a method of this name that a user has in scope: hence the name.
pub trait Known {
    /// What to write.
    fn swapplex_piece(&self) -> Piece<'_>;
}

/// For all other types.
pub trait Unknown {
    /// Nothing that could be written.
    #[inline]
    fn swapplex_piece(&self) -> Piece<'_> {
        Piece::Other
    }
}

impl<T> Unknown for &Parameter<'_, T> {}

macro_rules! texts {
    ($($text:ty),*) => {$(
        impl Known for Parameter<'_, $text> {
            #[inline]
            fn swapplex_piece(&self) -> Piece<'_> {
                Piece::Text(self.0)
            }
        }
    )*};
}

texts!(&str, String, &String, Box<str>, Arc<str>, Cow<'_, str>);

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Known for Parameter<'_, $number> {
            #[inline]
            fn swapplex_piece(&self) -> Piece<'_> {
                // A sign may have to be escaped, and stands before the zeros: let that be formatted.
                u64::try_from(*self.0).map_or(Piece::Other, Piece::Number)
            }
        }
        impl Known for Parameter<'_, &$number> {
            #[inline]
            fn swapplex_piece(&self) -> Piece<'_> {
                u64::try_from(**self.0).map_or(Piece::Other, Piece::Number)
            }
        }
    )*};
}

numbers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;

    fn pieces(text: &mut Argument) -> Pieces<'_> {
        Pieces { text, is_whole: true }
    }

    /// A key of both ways: the short one if it led to the end, and the long one.
    macro_rules! both {
        ($value:expr, $separator:expr, $width:literal) => {{
            let value = $value;
            let mut short = Argument::new();
            let mut pieces = pieces(&mut short);
            pieces.text("p:");
            pieces.escaped(Parameter(&value).swapplex_piece(), $separator, $width);
            pieces.text("/");
            let escaping = Escaping::new();
            let escaped = text::escaped(&value, &escaping, Some($separator));
            let long = escaping.key("p:", format_args!(concat!("{:0", $width, "}/"), escaped));
            let is_whole = pieces.is_whole;
            pieces.finish(
                &escaping,
                "p:",
                format_args!(concat!("{:0", $width, "}/"), escaped),
            );
            assert_eq!(short.as_bytes(), long.as_bytes());
            is_whole
        }};
    }

    #[test]
    fn numbers_are_written_as_they_are_formatted() {
        for separator in [b':', b'/', b'7'] {
            for number in [0_u64, 7, 1234, 99_999, u64::MAX] {
                assert_eq!(both!(number, separator, 1), separator != b'7');
                assert_eq!(both!(&number, separator, 4), separator != b'7');
            }
        }
        assert!(both!(7_i8, b':', 4));
        assert!(!both!(-7_i32, b'-', 4));
        assert!(!both!(u128::MAX, b'-', 40));
        assert!(both!(u128::from(u64::MAX), b'-', 40));
    }

    #[test]
    fn text_is_written_as_it_is_formatted() {
        macro_rules! text {
            ($value:expr) => {{
                let value = $value;
                let mut short = Argument::new();
                let mut pieces = pieces(&mut short);
                pieces.escaped(Parameter(&value).swapplex_piece(), b'-', 0);
                let escaping = Escaping::new();
                let escaped = text::escaped(&value, &escaping, Some(b'-'));
                let long = escaping.key("", format_args!("{escaped}"));
                assert!(pieces.is_whole);
                pieces.finish(&escaping, "", format_args!("{escaped}"));
                assert_eq!(short.as_bytes(), long.as_bytes());
            }};
        }
        let long = "%2F-:{}é\u{7f}".repeat(20);
        for value in ["", "a", "-", "a%b", "{}", "naïve", "0123456789abcdef0123:", &long] {
            text!(value);
            text!(value.to_owned());
            text!(&value.to_owned());
            text!(Box::<str>::from(value));
            text!(Arc::<str>::from(value));
            text!(Cow::Borrowed(value));
        }
    }

    #[test]
    fn what_can_only_display_itself_is_formatted() {
        let mut key = Argument::new();
        let mut pieces = pieces(&mut key);
        pieces.text("p:");
        pieces.escaped((&Parameter(&'c')).swapplex_piece(), b':', 0);
        pieces.finish(&Escaping::new(), "p:", format_args!("{}", 'c'));
        assert_eq!(key.as_bytes(), b"p:c");
    }
}
