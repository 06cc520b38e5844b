use std::ops::Range;

use super::{
    Limits, ProtocolError, Scanner,
    lex::{self, CRLF, SHORTEST_ELEMENT},
    limits::DEEPEST,
};

/// One value inside a frame, as positions in the frame. Attributes in front of it are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Element {
    /// Nothing there, in whichever way the protocol's version says it.
    Nil,
    /// A string: the bytes of its payload.
    Bulk(Range<usize>),
    /// Anything else: all of its bytes, ready for [`decode`](super::decode).
    Other(Range<usize>),
}

/// What a frame is, without allocating: made for the reply to a `GET`.
#[inline]
pub(crate) fn element(frame: &[u8]) -> Result<Element, ProtocolError> {
    if let Some(payload) = lex::plain_bulk(frame, 0)
        && payload.end + CRLF.len() == frame.len()
    {
        return Ok(Element::Bulk(payload));
    }
    let (element, end) = read(frame, 0)?;
    if end == frame.len() {
        Ok(element)
    } else {
        Err(ProtocolError::Surplus)
    }
}

/// How many bytes stand in front of a whole frame's value: those of its attributes.
#[inline]
pub(crate) fn attributes(frame: &[u8]) -> usize {
    if frame.first() == Some(&b'|') {
        value_at(frame).unwrap_or_default()
    } else {
        0
    }
}

#[cold]
fn value_at(frame: &[u8]) -> Result<usize, ProtocolError> {
    let mut at = 0;
    while frame.get(at) == Some(&b'|') {
        at = attribute(frame, at)?;
    }
    Ok(at)
}

/// Steps over the elements of an array without allocating: made for the reply to an `MGET`.
///
/// # Errors
///
/// [`ProtocolError::NotAnArray`] if the frame is something else, and [`ProtocolError::Truncated`] if it is too short
/// for the elements that it announces.
pub(crate) fn elements(frame: &[u8]) -> Result<Elements<'_>, ProtocolError> {
    let mut at = match frame.first() {
        Some(b'|') => value_at(frame)?,
        _ => 0,
    };
    match frame.get(at) {
        None => return Err(ProtocolError::Truncated),
        Some(b'*') => at += 1,
        Some(_) => return Err(ProtocolError::NotAnArray),
    }
    let (count, line) = lex::length(&frame[at..])?.ok_or(ProtocolError::Truncated)?;
    at += line;
    if count < 0 {
        return Err(ProtocolError::NotAnArray);
    }
    let room = (frame.len() - at) / SHORTEST_ELEMENT;
    let len = usize::try_from(count)
        .ok()
        .filter(|&len| len <= room)
        .ok_or(ProtocolError::Truncated)?;
    Ok(Elements {
        frame,
        at,
        len,
        left: len,
        failed: false,
    })
}

/// The elements of an array, in order.
///
/// An error is the last item: where one element's end is unknown, so is every later element's beginning. A frame that
/// goes on behind its last element gives [`ProtocolError::Surplus`] in place of `None`.
#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    frame: &'a [u8],
    at: usize,
    len: usize,
    left: usize,
    failed: bool,
}

impl Elements<'_> {
    /// How many elements the array has, those already stepped over included. Never more than its bytes have room for.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<Element, ProtocolError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let surplus = !self.failed && self.at != self.frame.len();
            self.failed |= surplus;
            return surplus.then_some(Err(ProtocolError::Surplus));
        }
        if let Some(payload) = lex::plain_bulk(self.frame, self.at) {
            self.at = payload.end + CRLF.len();
            self.left -= 1;
            return Some(Ok(Element::Bulk(payload)));
        }
        match read(self.frame, self.at) {
            Ok((element, end)) => {
                self.at = end;
                self.left -= 1;
                Some(Ok(element))
            }
            Err(error) => {
                self.left = 0;
                self.failed = true;
                Some(Err(error))
            }
        }
    }
}

impl std::iter::FusedIterator for Elements<'_> {}

fn read(frame: &[u8], mut at: usize) -> Result<(Element, usize), ProtocolError> {
    loop {
        match frame.get(at) {
            Some(b'$') => return bulk(frame, at),
            Some(b'|') => at = attribute(frame, at)?,
            _ => return other(frame, at),
        }
    }
}

fn bulk(frame: &[u8], at: usize) -> Result<(Element, usize), ProtocolError> {
    let (len, line) = lex::length(&frame[at + 1..])?.ok_or(ProtocolError::Truncated)?;
    let start = at + 1 + line;
    if len < 0 {
        return Ok((Element::Nil, start));
    }
    let end = usize::try_from(len)
        .ok()
        .filter(|&len| len <= frame.len() - start)
        .map(|len| start + len)
        .ok_or(ProtocolError::Truncated)?;
    match frame.get(end..end + CRLF.len()) {
        None => Err(ProtocolError::Truncated),
        Some(CRLF) => Ok((Element::Bulk(start..end), end + CRLF.len())),
        Some(_) => Err(ProtocolError::MissingCrlf),
    }
}

#[cold]
fn other(frame: &[u8], at: usize) -> Result<(Element, usize), ProtocolError> {
    for nil in [&b"_\r\n"[..], b"*-1\r\n"] {
        if frame[at..].starts_with(nil) {
            return Ok((Element::Nil, at + nil.len()));
        }
    }
    let end = skip(frame, at)?;
    Ok((Element::Other(at..end), end))
}

/// Where the value begins that the attribute at `at` describes.
#[cold]
fn attribute(frame: &[u8], at: usize) -> Result<usize, ProtocolError> {
    let (pairs, line) = lex::length(&frame[at + 1..])?.ok_or(ProtocolError::Truncated)?;
    let pairs = u64::try_from(pairs).map_err(|_| ProtocolError::BadLength)?;
    let mut at = at + 1 + line;
    for _ in 0..pairs * 2 {
        at = skip(frame, at)?;
    }
    Ok(at)
}

/// Where the value at `at` ends.
fn skip(frame: &[u8], at: usize) -> Result<usize, ProtocolError> {
    let limits = Limits {
        max_frame_bytes: usize::MAX,
        max_depth: DEEPEST,
    };
    let value = Scanner::new(limits)
        .advance(&frame[at..])?
        .ok_or(ProtocolError::Truncated)?;
    Ok(at + value.len)
}
