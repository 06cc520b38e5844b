//! Bytes that no server should send give a typed error or are waited for: no panic, no memory.

use proptest::prelude::*;
use redis::{Value, parse_redis_value};

use super::wire::{damaged, noise, same};
use crate::resp::{Limits, ProtocolError, Scanner, decode, element, elements};

/// Scans, decodes and steps over `bytes`, and checks what must hold of any bytes.
fn survive(bytes: &[u8]) -> Result<(), TestCaseError> {
    let scanned = Scanner::new(Limits::default()).advance(bytes);
    let mut bit_by_bit = Scanner::new(Limits::default());
    let by_bits = (1..=bytes.len()).find_map(|len| bit_by_bit.advance(&bytes[..len]).transpose());
    prop_assert_eq!(scanned, by_bits.transpose());

    for part in [
        Some(bytes),
        scanned.ok().flatten().map(|frame| &bytes[..frame.len]),
    ]
    .into_iter()
    .flatten()
    {
        let decoded = decode(part);
        if let Ok(ours) = &decoded {
            prop_assert_eq!(scanned.ok().flatten().map(|frame| frame.len), Some(part.len()));
            if let Ok(theirs) = parse_redis_value(part) {
                prop_assert!(same(ours, &theirs), "{ours:?}\n{theirs:?}");
            } else {
                prop_assert!(std::str::from_utf8(part).is_err(), "only we accept {part:?}");
            }
        }
        if scanned.is_ok_and(|frame| frame.is_some_and(|frame| frame.len == part.len())) {
            let truncated_or_surplus = [Err(ProtocolError::Truncated), Err(ProtocolError::Surplus)];
            prop_assert!(
                !truncated_or_surplus.contains(&decoded),
                "the scanner and {decoded:?} disagree"
            );
            prop_assert!(element(part).is_ok());
        }
        let _ = element(part);
        if let Ok(elements) = elements(part) {
            prop_assert!(elements.len() <= part.len());
            prop_assert!(elements.count() <= part.len());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survive(&bytes)?;
    }

    #[test]
    fn bytes_that_resemble_frames_do_no_harm(bytes in noise()) {
        survive(&bytes)?;
    }

    #[test]
    fn a_damaged_frame_does_no_harm(bytes in damaged()) {
        survive(&bytes)?;
    }
}

fn scan(bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
    Ok(Scanner::new(Limits::default())
        .advance(bytes)?
        .map(|frame| frame.len))
}

#[test]
fn an_http_server_is_an_unknown_type() {
    assert_eq!(
        scan(b"HTTP/1.1 400 Bad Request\r\n"),
        Err(ProtocolError::UnknownType(b'H'))
    );
    assert_eq!(
        ProtocolError::UnknownType(0x15).to_string(),
        "a reply begins with '\\u{15}', which is no RESP type"
    );
}

#[test]
fn streamed_types_are_refused() {
    for bytes in [
        "$?\r\n", "*?\r\n", "%?\r\n", "~?\r\n", ">?\r\n", "|?\r\n", ";4\r\n", ".\r\n",
    ] {
        assert_eq!(scan(bytes.as_bytes()), Err(ProtocolError::Streamed), "{bytes:?}");
        assert_eq!(
            decode(bytes.as_bytes()),
            Err(ProtocolError::Streamed),
            "{bytes:?}"
        );
    }
}

#[test]
fn only_the_two_nils_of_resp2_have_a_negative_length() {
    assert_eq!(scan(b"$-1\r\n"), Ok(Some(5)));
    assert_eq!(scan(b"*-1\r\n"), Ok(Some(5)));
    for bytes in [
        "$-2\r\n", "*-2\r\n", "%-1\r\n", "~-1\r\n", ">-1\r\n", "|-1\r\n", "=-1\r\n", "!-1\r\n",
    ] {
        assert_eq!(scan(bytes.as_bytes()), Err(ProtocolError::BadLength), "{bytes:?}");
        assert_eq!(
            decode(bytes.as_bytes()),
            Err(ProtocolError::BadLength),
            "{bytes:?}"
        );
    }
}

#[test]
fn a_payload_must_end_where_its_length_says() {
    for bytes in [&b"$3\r\nabcd\r\n"[..], b"$3\r\nab\r\n+"] {
        assert_eq!(scan(bytes), Err(ProtocolError::MissingCrlf));
        assert_eq!(decode(bytes), Err(ProtocolError::MissingCrlf));
        assert_eq!(element(bytes), Err(ProtocolError::MissingCrlf));
    }
}

#[test]
fn decoding_and_stepping_trust_no_count() {
    for bytes in [
        "*2147483647\r\n:1\r\n",
        "%9223372036854775807\r\n",
        "$9223372036854775807\r\nx",
        "*2\r\n+\r\n",
    ] {
        assert_eq!(
            decode(bytes.as_bytes()),
            Err(ProtocolError::Truncated),
            "{bytes:?}"
        );
    }
    assert_eq!(
        elements(b"*2147483647\r\n:1\r\n").err(),
        Some(ProtocolError::Truncated)
    );
    assert_eq!(elements(b"*2\r\n+\r\n").err(), Some(ProtocolError::Truncated));
    assert_eq!(
        element(b"$9223372036854775807\r\nx"),
        Err(ProtocolError::Truncated)
    );
    assert_eq!(
        element(b"|9223372036854775807\r\n:1\r\n"),
        Err(ProtocolError::Truncated)
    );
}

#[test]
fn nesting_without_end_is_refused_everywhere() {
    for open in ["*1\r\n", "~1\r\n", ">1\r\n", "%1\r\n:1\r\n", "|0\r\n", "|1\r\n"] {
        let bytes = open.repeat(100_000).into_bytes();
        assert_eq!(scan(&bytes), Err(ProtocolError::TooDeep), "{open:?}");
        assert_eq!(decode(&bytes), Err(ProtocolError::TooDeep), "{open:?}");
        assert!(element(&bytes).is_err(), "{open:?}");
    }
}

#[test]
fn a_malformed_value_spoils_only_its_own_frame() {
    for bytes in [
        "#x\r\n",
        "_x\r\n",
        ",one\r\n",
        ",\r\n",
        "(1x\r\n",
        "(\r\n",
        "=3\r\ntxt\r\n",
        ">1\r\n:1\r\n",
    ] {
        assert_eq!(scan(bytes.as_bytes()), Ok(Some(bytes.len())), "{bytes:?}");
        assert_eq!(
            decode(bytes.as_bytes()),
            Err(ProtocolError::BadValue(bytes.as_bytes()[0])),
            "{bytes:?}"
        );
    }
    assert_eq!(decode(b"+\xff\r\n"), Err(ProtocolError::BadValue(b'+')));
}

#[test]
fn a_long_error_is_cut_off_and_stays_an_error() {
    let text = format!("ERR {}", "x".repeat(8 << 20));
    for frame in [format!("-{text}\r\n"), format!("!{}\r\n{text}\r\n", text.len())] {
        let Ok(Value::ServerError(error)) = decode(frame.as_bytes()) else {
            panic!("no error");
        };
        assert_eq!(error.code(), "ERR");
        assert_eq!(error.details().map(str::len), Some((64 << 10) - "ERR ".len()));
    }
}

#[test]
fn a_big_number_beyond_reason_is_refused() {
    let digits = |count| format!("({}\r\n", "7".repeat(count)).into_bytes();
    assert!(decode(&digits(64 << 10)).is_ok());
    assert_eq!(decode(&digits((64 << 10) + 1)), Err(ProtocolError::TooLarge));
}
