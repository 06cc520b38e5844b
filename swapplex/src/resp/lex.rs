//! The few shapes that every frame is made of: an integer on a line, a length on a line, a line of text.
//!
//! In all of them `Ok(None)` means that the bytes end too early to tell.

use std::ops::Range;

use super::ProtocolError;

pub(super) const CRLF: &[u8] = b"\r\n";

/// No value of any type is shorter on the wire (`_\r\n`, `+\r\n`), so a count of elements announces three times as
/// many bytes.
pub(super) const SHORTEST_ELEMENT: usize = 3;

/// Any 19 digits fit in a `u64`, and no `i64` needs more.
const MAX_DIGITS: usize = 19;

/// The integer that `bytes` begin with, and the length of its line.
#[inline]
pub(super) fn integer(bytes: &[u8]) -> Result<Option<(i64, usize)>, ProtocolError> {
    let (negative, first) = match bytes.first() {
        None => return Ok(None),
        Some(b'-') => (true, 1),
        Some(b'+') => (false, 1),
        Some(_) => (false, 0),
    };
    let mut magnitude = 0_u64;
    let mut at = first;
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(digit @ b'0'..=b'9') if at - first < MAX_DIGITS => {
                magnitude = magnitude * 10 + u64::from(digit - b'0');
            }
            Some(b'\r') if at > first => break,
            Some(_) => return Err(ProtocolError::BadInteger),
        }
        at += 1;
    }
    match bytes.get(at + 1) {
        None => return Ok(None),
        Some(b'\n') => {}
        Some(_) => return Err(ProtocolError::MissingCrlf),
    }
    let value = if negative {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        0_i64.checked_add_unsigned(magnitude)
    };
    Ok(Some((value.ok_or(ProtocolError::BadInteger)?, at + 2)))
}

/// The length or count that `bytes` begin with, and the length of its line. -1 stands for RESP2's nil; whether the
/// type has one is for the caller to say.
#[inline]
pub(super) fn length(bytes: &[u8]) -> Result<Option<(i64, usize)>, ProtocolError> {
    match integer(bytes) {
        Err(ProtocolError::BadInteger) if bytes.first() == Some(&b'?') => Err(ProtocolError::Streamed),
        Ok(Some((..-1, _))) | Err(ProtocolError::BadInteger) => Err(ProtocolError::BadLength),
        other => other,
    }
}

/// The payload of the bulk string at `at`, if it is all there and nothing about it is unusual. `None` says nothing:
/// the careful way through [`length`] finds out what is the matter.
///
/// Most of what a server sends is such strings, and this takes a third of the time.
#[inline]
pub(super) fn plain_bulk(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    // So few digits need no check for overflow.
    const MAX_PLAIN_DIGITS: usize = 8;
    let (&[b'$', digit], rest) = bytes.get(at..)?.split_first_chunk()? else {
        return None;
    };
    let mut len = digit_value(digit)?;
    for (more, &byte) in rest.iter().take(MAX_PLAIN_DIGITS).enumerate() {
        if let Some(digit) = digit_value(byte) {
            len = len * 10 + digit;
            continue;
        }
        let (header, rest) = rest[more..].split_first_chunk::<2>()?;
        let (_, after) = rest.split_at_checked(len)?;
        if header != CRLF || after.first_chunk() != Some(header) {
            return None;
        }
        let start = at + 2 + more + CRLF.len();
        return Some(start..start + len);
    }
    None
}

#[inline]
fn digit_value(byte: u8) -> Option<usize> {
    let value = byte.wrapping_sub(b'0');
    (value < 10).then_some(usize::from(value))
}

/// Where the CR LF of a text line stands, looking at `bytes[from..]` only. `from` must be 1 or more.
///
/// A CR or LF alone is part of the text, as for redis-rs: a module may well send one in a status.
#[inline]
pub(super) fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b'\n', bytes.get(from..)?)
        .map(|offset| from + offset - 1)
        .find(|&before| bytes.get(before) == Some(&b'\r'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_reach_both_ends_of_their_range_and_not_beyond() {
        assert_eq!(integer(b"9223372036854775807\r\n"), Ok(Some((i64::MAX, 21))));
        assert_eq!(integer(b"-9223372036854775808\r\n"), Ok(Some((i64::MIN, 22))));
        assert_eq!(integer(b"+7\r\nrest"), Ok(Some((7, 4))));
        assert_eq!(integer(b"-0\r\n"), Ok(Some((0, 4))));
        for beyond in [
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999",
        ] {
            assert_eq!(
                integer(format!("{beyond}\r\n").as_bytes()),
                Err(ProtocolError::BadInteger),
                "{beyond}"
            );
        }
    }

    #[test]
    fn anything_but_a_sign_and_digits_is_no_integer() {
        for text in ["", "+", "-", "--1", "+-1", "1 ", " 1", "1a", "0x1", "1.0", "1\n"] {
            assert_eq!(
                integer(format!("{text}\r\n").as_bytes()),
                Err(ProtocolError::BadInteger),
                "{text:?}"
            );
        }
        assert_eq!(integer(b"1\r\r\n"), Err(ProtocolError::MissingCrlf));
    }

    #[test]
    fn an_endless_row_of_digits_is_refused_without_waiting_for_its_end() {
        assert_eq!(integer(&[b'0'; 19]), Ok(None));
        assert_eq!(integer(&[b'0'; 20]), Err(ProtocolError::BadInteger));
    }

    #[test]
    fn lengths_are_nil_or_not_negative() {
        assert_eq!(length(b"-1\r\n"), Ok(Some((-1, 4))));
        assert_eq!(length(b"-2\r\n"), Err(ProtocolError::BadLength));
        assert_eq!(length(b"x\r\n"), Err(ProtocolError::BadLength));
        assert_eq!(length(b"?\r\n"), Err(ProtocolError::Streamed));
    }

    #[test]
    fn the_short_cut_for_strings_takes_whole_and_plain_ones_only() {
        assert_eq!(plain_bulk(b"+x\r\n$3\r\nabc\r\n", 4), Some(8..11));
        assert_eq!(plain_bulk(b"$0\r\n\r\n", 0), Some(4..4));
        assert_eq!(plain_bulk(b"$00000002\r\nab\r\n", 0), Some(11..13));
        for unusual in [
            "",
            "$",
            "$1",
            "$1\r",
            "$1\r\n",
            "$1\r\na",
            "$1\r\na\r",
            "$1\r\na\r+",
            "$1\r\nab\r\n",
            "$1+\na\r\n",
            "$-1\r\n",
            "$+1\r\na\r\n",
            "$\r\n\r\n",
            "$000000002\r\nab\r\n",
            "$x\r\n",
            ":1\r\n",
            "=1\r\na\r\n",
        ] {
            assert_eq!(plain_bulk(unusual.as_bytes(), 0), None, "{unusual:?}");
        }
        assert_eq!(plain_bulk(b"$1\r\na\r\n", 20), None);
    }

    #[test]
    fn a_line_ends_at_cr_and_lf_together() {
        assert_eq!(line_end(b"+a\nb\rc\r\r\n+", 1), Some(7));
        assert_eq!(line_end(b"+\r\n", 1), Some(1));
        assert_eq!(line_end(b"+\n", 1), None);
        assert_eq!(line_end(b"+a\r", 1), None);
    }

    #[test]
    fn a_line_end_split_between_two_reads_is_found() {
        assert_eq!(line_end(b"+a\r\n", 3), Some(2));
    }
}
