//! Cases small enough to write down.

use redis::Value;

use crate::resp::{Element, Frame, Kind, Limits, ProtocolError, Scanner, decode, element, elements};

fn kind(bytes: &[u8]) -> Option<Kind> {
    let frame = Scanner::new(Limits::default()).advance(bytes).ok()??;
    assert_eq!(frame.len, bytes.len());
    Some(frame.kind)
}

#[test]
fn only_the_outermost_value_decides_what_a_frame_is() {
    assert_eq!(kind(b"+OK\r\n"), Some(Kind::Reply));
    assert_eq!(kind(b"-ERR no\r\n"), Some(Kind::Error));
    assert_eq!(kind(b"!6\r\nERR no\r\n"), Some(Kind::Error));
    assert_eq!(kind(b">1\r\n+pong\r\n"), Some(Kind::Push));
    assert_eq!(kind(b"*2\r\n-ERR no\r\n>1\r\n+pong\r\n"), Some(Kind::Reply));
}

#[test]
fn a_value_begins_behind_all_attributes() {
    for (attributes, value) in [
        ("", "+OK\r\n"),
        ("|0\r\n", "$1\r\nx\r\n"),
        ("|1\r\n+ttl\r\n:3\r\n", "-ERR no\r\n"),
        (
            "|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n*1\r\n-e\r\n|0\r\n",
            "*1\r\n|0\r\n:1\r\n",
        ),
    ] {
        let frame = format!("{attributes}{value}");
        assert_eq!(super::super::attributes(frame.as_bytes()), attributes.len());
    }
}

#[test]
fn an_attribute_is_of_the_kind_that_it_describes() {
    assert_eq!(kind(b"|1\r\n-ERR\r\n>1\r\n+x\r\n:1\r\n"), Some(Kind::Reply));
    assert_eq!(kind(b"|1\r\n+key\r\n:1\r\n-ERR no\r\n"), Some(Kind::Error));
    assert_eq!(
        kind(b"|0\r\n|1\r\n*1\r\n-a\r\n:2\r\n>1\r\n+pong\r\n"),
        Some(Kind::Push)
    );
    assert_eq!(
        kind(b"|1\r\n|1\r\n+a\r\n+b\r\n+c\r\n-d\r\n*1\r\n-e\r\n"),
        Some(Kind::Reply)
    );
}

#[test]
fn a_frame_after_another_starts_from_nothing() {
    let mut scanner = Scanner::new(Limits::default());
    assert_eq!(
        scanner.advance(b"|1\r\n+k\r\n+v\r\n-ERR\r\n+O"),
        Ok(Some(Frame {
            len: 18,
            kind: Kind::Error
        }))
    );
    assert_eq!(scanner.advance(b"+O"), Ok(None));
    assert_eq!(
        scanner.advance(b"+OK\r\n"),
        Ok(Some(Frame {
            len: 5,
            kind: Kind::Reply
        }))
    );
}

#[test]
fn a_wait_for_bytes_is_not_an_error() {
    for whole in [
        "$3\r\nabc\r\n",
        "*2\r\n:1\r\n+OK\r\n",
        ":-12\r\n",
        "%1\r\n$-1\r\n_\r\n",
        "|1\r\n#t\r\n,1\r\n*-1\r\n",
    ] {
        for len in 0..whole.len() {
            assert_eq!(
                Scanner::new(Limits::default()).advance(&whole.as_bytes()[..len]),
                Ok(None),
                "{len} of {whole:?}"
            );
        }
    }
}

#[test]
fn the_usual_replies_decode_to_the_usual_values() {
    assert_eq!(decode(b"+OK\r\n"), Ok(Value::Okay));
    assert_eq!(decode(b"+PONG\r\n"), Ok(Value::SimpleString("PONG".into())));
    assert_eq!(decode(b"$-1\r\n"), Ok(Value::Nil));
    assert_eq!(decode(b"*-1\r\n"), Ok(Value::Nil));
    assert_eq!(decode(b"_\r\n"), Ok(Value::Nil));
    assert_eq!(decode(b",-inf\r\n"), Ok(Value::Double(f64::NEG_INFINITY)));
    assert_eq!(
        decode(b"*2\r\n$1\r\na\r\n:5\r\n"),
        Ok(Value::Array(vec![
            Value::BulkString(b"a".to_vec()),
            Value::Int(5)
        ]))
    );
}

#[test]
fn every_push_that_redis_rs_knows_by_name_keeps_its_kind() {
    let names = "invalidate message pmessage smessage subscribe psubscribe ssubscribe unsubscribe punsubscribe \
                 sunsubscribe tracking-redir-broken";
    for name in names.split(' ') {
        for frame in [
            format!(">2\r\n+{name}\r\n_\r\n"),
            format!(">2\r\n${}\r\n{name}\r\n_\r\n", name.len()),
        ] {
            let expected = redis::parse_redis_value(frame.as_bytes()).expect("a valid frame");
            assert_eq!(decode(frame.as_bytes()), Ok(expected), "{frame:?}");
        }
    }
}

#[test]
fn an_error_inside_an_array_is_a_value_of_its_own() {
    let Ok(Value::Array(values)) = decode(b"*2\r\n-LOADING wait a bit\r\n:1\r\n") else {
        panic!("no array");
    };
    let Value::ServerError(error) = &values[0] else {
        panic!("no error: {values:?}");
    };
    assert_eq!((error.code(), error.details()), ("LOADING", Some("wait a bit")));
    assert_eq!(values[1], Value::Int(1));
}

#[test]
fn an_error_that_is_not_utf8_is_still_that_error() {
    for line in [
        &b"-ERR \xff\xfe\r\n"[..],
        b"-ERR \xf0\x9f\x98\r\n",
        b"!8\r\nERR \xff\xfe\xfd\xfc\r\n",
    ] {
        let Ok(Value::ServerError(error)) = decode(line) else {
            panic!("no error: {line:?}");
        };
        assert_eq!(error.code(), "ERR");
        assert!(
            error
                .details()
                .is_some_and(|details| details.contains('\u{fffd}')),
            "{error:?}"
        );
    }
}

#[test]
fn elements_point_into_the_frame() {
    let frame =
        b"*7\r\n$2\r\nab\r\n$-1\r\n$0\r\n\r\n_\r\n-ERR x\r\n*1\r\n:1\r\n|1\r\n+k\r\n+v\r\n$1\r\nz\r\n";
    let mut found = elements(frame).expect("an array");
    assert_eq!(found.len(), 7);
    let mut next = || found.next().and_then(Result::ok);
    assert_eq!(next(), Some(Element::Bulk(8..10)));
    assert_eq!(next(), Some(Element::Nil));
    assert_eq!(next(), Some(Element::Bulk(21..21)));
    assert_eq!(next(), Some(Element::Nil));
    assert_eq!(next(), Some(Element::Other(26..34)));
    assert_eq!(next(), Some(Element::Other(34..42)));
    assert_eq!(next(), Some(Element::Bulk(58..59)));
    assert_eq!(found.next(), None);
}

#[test]
fn a_reply_that_is_no_array_has_no_elements() {
    for frame in [
        "-ERR no\r\n",
        "*-1\r\n",
        "_\r\n",
        "$3\r\n*0\r\n\r\n",
        "~0\r\n",
        "|0\r\n:1\r\n",
    ] {
        assert_eq!(
            elements(frame.as_bytes()).err(),
            Some(ProtocolError::NotAnArray),
            "{frame:?}"
        );
    }
}

#[test]
fn a_lone_reply_is_told_apart_without_decoding() {
    assert_eq!(element(b"$3\r\nabc\r\n"), Ok(Element::Bulk(4..7)));
    assert_eq!(
        element(b"|1\r\n+a\r\n+b\r\n$1\r\nc\r\n"),
        Ok(Element::Bulk(16..17))
    );
    assert_eq!(element(b"$-1\r\n"), Ok(Element::Nil));
    assert_eq!(element(b"_\r\n"), Ok(Element::Nil));
    assert_eq!(element(b"-ERR\r\n"), Ok(Element::Other(0..6)));
    assert_eq!(element(b"$1\r\na\r\n+"), Err(ProtocolError::Surplus));
    assert_eq!(element(b"$1\r\na\r"), Err(ProtocolError::Truncated));
    assert_eq!(element(b""), Err(ProtocolError::Truncated));
}

#[test]
fn an_error_does_not_repeat_the_arguments_of_an_unknown_command() {
    let error = b"-ERR unknown command 'SET', with args beginning with: 'k' 'hunter2' \r\n";
    let said = match decode(error).expect("it is an error line") {
        Value::ServerError(error) => format!("{} {}", error.code(), error.details().unwrap_or_default()),
        other => panic!("{other:?}"),
    };
    assert_eq!(said, "ERR unknown command 'SET'");
}
