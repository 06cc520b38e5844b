//! Each limit holds to the byte, and before the bytes that it is about have arrived.

use crate::resp::{Limits, ProtocolError, Scanner, decode, limits::DEEPEST};

fn scan(limits: Limits, bytes: &[u8]) -> Result<Option<usize>, ProtocolError> {
    Ok(Scanner::new(limits).advance(bytes)?.map(|frame| frame.len))
}

fn nested(open: &str, depth: usize) -> Vec<u8> {
    format!("{}:1\r\n", open.repeat(depth)).into_bytes()
}

#[test]
fn a_frame_may_be_as_long_as_the_limit_and_no_longer() {
    for frame in [
        "$10\r\n0123456789\r\n",
        "+0123456789\r\n",
        "*3\r\n:1\r\n_\r\n$0\r\n\r\n",
        ":1234\r\n",
        "$-1\r\n",
        "*-1\r\n",
    ] {
        let exact = Limits {
            max_frame_bytes: frame.len(),
            ..Limits::default()
        };
        assert_eq!(scan(exact, frame.as_bytes()), Ok(Some(frame.len())), "{frame:?}");
        let short = Limits {
            max_frame_bytes: frame.len() - 1,
            ..Limits::default()
        };
        assert_eq!(
            scan(short, frame.as_bytes()),
            Err(ProtocolError::TooLarge),
            "{frame:?}"
        );
    }
}

#[test]
fn an_announced_length_is_refused_as_soon_as_it_is_read() {
    for header in [
        "$9223372036854775807\r\n",
        "$1073741824\r\n",
        "*2147483647\r\n",
        "%9223372036854775807\r\n",
        "|400000000\r\n",
    ] {
        assert_eq!(
            scan(Limits::default(), header.as_bytes()),
            Err(ProtocolError::TooLarge),
            "{header:?}"
        );
    }
    for header in ["$1073741000\r\n", "*300000000\r\n", "%150000000\r\n"] {
        assert_eq!(scan(Limits::default(), header.as_bytes()), Ok(None), "{header:?}");
    }
}

#[test]
fn a_line_that_never_ends_is_refused_at_the_limit() {
    let limits = Limits {
        max_frame_bytes: 64,
        ..Limits::default()
    };
    for kind in "+-,(#_".chars() {
        let line = format!("{kind}{}", "1".repeat(100));
        assert_eq!(scan(limits, &line.as_bytes()[..63]), Ok(None), "{kind}");
        assert_eq!(
            scan(limits, &line.as_bytes()[..64]),
            Err(ProtocolError::TooLarge),
            "{kind}"
        );
    }
}

#[test]
fn nesting_may_be_as_deep_as_the_limit_and_no_deeper() {
    let limits = Limits {
        max_depth: 5,
        ..Limits::default()
    };
    for open in [
        "*1\r\n",
        "~1\r\n",
        ">1\r\n",
        "%1\r\n+k\r\n",
        "|0\r\n",
        "|1\r\n+k\r\n+v\r\n",
    ] {
        let deepest = nested(open, 5);
        assert_eq!(scan(limits, &deepest), Ok(Some(deepest.len())), "{open:?}");
        assert_eq!(
            scan(limits, &nested(open, 6)),
            Err(ProtocolError::TooDeep),
            "{open:?}"
        );
    }
    assert_eq!(
        scan(limits, b"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*0\r\n"),
        Err(ProtocolError::TooDeep)
    );
}

#[test]
fn levels_that_were_closed_do_not_count() {
    let wide = format!("*100\r\n{}", "*1\r\n:1\r\n".repeat(100));
    let limits = Limits {
        max_depth: 2,
        ..Limits::default()
    };
    assert_eq!(scan(limits, wide.as_bytes()), Ok(Some(wide.len())));
}

#[test]
fn whatever_the_scanner_lets_through_redis_rs_and_decoding_bear_too() {
    let limits = Limits {
        max_depth: usize::MAX,
        ..Limits::default()
    };
    for open in ["*1\r\n", "~1\r\n", "%1\r\n+k\r\n", "|0\r\n"] {
        let deepest = nested(open, DEEPEST);
        assert_eq!(scan(limits, &deepest), Ok(Some(deepest.len())), "{open:?}");
        assert_eq!(
            decode(&deepest).ok(),
            redis::parse_redis_value(&deepest).ok(),
            "{open:?}"
        );
        assert!(decode(&deepest).is_ok(), "{open:?}");
        let deeper = nested(open, DEEPEST + 1);
        assert_eq!(scan(limits, &deeper), Err(ProtocolError::TooDeep), "{open:?}");
        assert_eq!(decode(&deeper), Err(ProtocolError::TooDeep), "{open:?}");
    }
}
