//! Frames are found and read as redis-rs does, in whatever pieces they arrive.

use proptest::{collection::vec, prelude::*};
use redis::{Value, parse_redis_value};

use super::wire::{Wire, array, same, value};
use crate::resp::{Element, Frame, Kind, Limits, ProtocolError, Scanner, decode, element, elements};

/// Feeds `bytes` in pieces that end at each of `cuts` and at the end, taking every frame out as it is found.
fn frames(
    bytes: &[u8],
    cuts: impl IntoIterator<Item = usize>,
) -> Result<Vec<(Vec<u8>, Kind)>, ProtocolError> {
    let mut scanner = Scanner::new(Limits::default());
    let mut found = Vec::new();
    let mut taken = 0;
    for cut in cuts.into_iter().chain([bytes.len()]) {
        while taken < cut {
            let Some(Frame { len, kind }) = scanner.advance(&bytes[taken..cut])? else {
                break;
            };
            found.push((bytes[taken..taken + len].to_vec(), kind));
            taken += len;
        }
    }
    assert_eq!(taken, bytes.len(), "bytes left over");
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_value_decodes_as_redis_rs_decodes_it(value in value()) {
        let bytes = value.bytes();
        let ours = decode(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let theirs = parse_redis_value(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(same(&ours, &theirs), "{ours:?}\n{theirs:?}");
    }

    #[test]
    fn frames_are_the_same_however_their_bytes_arrive(
        values in vec(value(), 1..5),
        cuts in vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let expected: Vec<_> = values.iter().map(|value| (value.bytes(), value.kind())).collect();
        let bytes: Vec<u8> = values.iter().flat_map(Wire::bytes).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(frames(&bytes, []), Ok(expected.clone()));
        prop_assert_eq!(frames(&bytes, 0..bytes.len()), Ok(expected.clone()));
        prop_assert_eq!(frames(&bytes, cuts), Ok(expected));
    }

    #[test]
    fn stepping_over_an_array_gives_what_decoding_it_gives(items in array(), attribute in any::<bool>()) {
        let mut wire = Wire::Many(b'*', items);
        if attribute {
            let pair = (Wire::NilBulk, Wire::Many(b'*', vec![Wire::NilArray]));
            wire = Wire::Attribute(vec![pair], Box::new(wire));
        }
        let frame = wire.bytes();
        let Value::Array(expected) = described(decode(&frame)?) else {
            return Err(TestCaseError::fail("not an array"));
        };
        let stepped = elements(&frame)?;
        prop_assert_eq!(stepped.len(), expected.len());
        let stepped: Vec<_> = stepped.collect::<Result<_, _>>()?;
        prop_assert_eq!(stepped.len(), expected.len());
        for (element, expected) in stepped.into_iter().zip(expected) {
            let found = read(&frame, element)?;
            let expected = described(expected);
            prop_assert!(same(&found, &expected), "{found:?}\n{expected:?}");
        }
    }

    #[test]
    fn a_lone_value_is_the_element_that_it_would_be_in_an_array(value in value()) {
        let frame = value.bytes();
        let found = read(&frame, element(&frame)?)?;
        let expected = described(decode(&frame)?);
        prop_assert!(same(&found, &expected), "{found:?}\n{expected:?}");
    }

    #[test]
    fn an_array_cut_short_ends_in_an_error(items in array(), cut in any::<prop::sample::Index>()) {
        let frame = Wire::Many(b'*', items).bytes();
        let short = &frame[..cut.index(frame.len())];
        prop_assert_eq!(decode(short), Err(ProtocolError::Truncated));
        let error = match elements(short) {
            Err(error) => Some(error),
            Ok(elements) => elements.last().and_then(Result::err),
        };
        prop_assert_eq!(error, Some(ProtocolError::Truncated));
    }

    #[test]
    fn an_array_with_something_behind_it_ends_in_an_error(items in array(), surplus in value()) {
        let count = items.len();
        let frame = [Wire::Many(b'*', items).bytes(), surplus.bytes()].concat();
        prop_assert_eq!(decode(&frame), Err(ProtocolError::Surplus));
        let mut stepped = elements(&frame)?;
        prop_assert_eq!(stepped.by_ref().take(count).flatten().count(), count);
        prop_assert_eq!(stepped.next(), Some(Err(ProtocolError::Surplus)));
        prop_assert_eq!(stepped.next(), None);
    }
}

/// A value without the attributes in front of it, which elements leave out.
fn described(mut value: Value) -> Value {
    while let Value::Attribute { data, .. } = value {
        value = *data;
    }
    value
}

fn read(frame: &[u8], element: Element) -> Result<Value, ProtocolError> {
    match element {
        Element::Nil => Ok(Value::Nil),
        Element::Bulk(payload) => Ok(Value::BulkString(frame[payload].to_vec())),
        Element::Other(value) => match decode(&frame[value])? {
            string @ Value::BulkString(_) => panic!("a string that is not Bulk: {string:?}"),
            Value::Nil => panic!("a nil that is not Nil"),
            value => Ok(value),
        },
    }
}
