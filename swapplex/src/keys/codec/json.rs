use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Failure};

/// JSON, of whatever serde can serialise: readable, and forgiving when a type gains a field with a default.
///
/// Errors say what was expected and where, and repeat nothing of the value. Those of a type's own code, as with serde's
/// `try_from`, can't always be told from serde's: where one begins like these, it may be shown.
#[derive(Debug)]
pub struct Json(());

impl<T: Serialize + ?Sized> Encode<T> for Json {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
        Ok(serde_json::to_writer(out, value)?)
    }
}

impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(bytes: Bytes) -> Result<T, Failure> {
        serde_json::from_slice(&bytes).map_err(|error| without_value(&error).into())
    }
}

/// What `serde_json` says, without what it repeats of the value, which may be secret, and of any size.
fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // Where it isn't JSON, the text says only where that is.
    if !error.is_data() || names_only_a_field(&text) {
        return text;
    }
    // What has no fields expects none, and its error ends with what there is.
    let is_told = OF_BOTH.iter().any(|start| text.starts_with(start)) && !text.contains("`, there are no ");
    match text.rsplit_once(", expected ") {
        Some((_, expected)) if is_told => format!("expected {expected}"),
        // In the words of the type's own code, or in new ones of serde's.
        _ if error.line() == 0 => "it does not fit".to_owned(),
        _ => format!(
            "it does not fit at line {} column {}",
            error.line(),
            error.column()
        ),
    }
}

/// Whether that is one of serde's errors that tell only what the type has, and not one of the type's own that begins so.
fn names_only_a_field(text: &str) -> bool {
    if text.starts_with("data did not match any variant of untagged enum ") {
        return true;
    }
    let name = ["missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| text.strip_prefix(start));
    name.and_then(|name| name.split_once('`'))
        .is_some_and(|(_, behind)| behind.is_empty() || behind.starts_with(" at line "))
}

/// How serde's errors begin that tell what there is, and at the end what the type has.
const OF_BOTH: [&str; 5] = [
    "invalid type: ",
    "invalid value: ",
    "invalid length ",
    "unknown variant ",
    "unknown field ",
];

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "lowercase")]
    #[expect(dead_code, reason = "nothing here is ever read")]
    enum Plan {
        Free,
        Paid { until: u32 },
    }

    /// A type with an error of its own.
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Token;

    impl TryFrom<String> for Token {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("no token: {text}"))
        }
    }

    /// A type with an error of its own, in words like serde's.
    #[derive(Deserialize)]
    #[serde(try_from = "String")]
    struct Known;

    impl TryFrom<String> for Known {
        type Error = String;

        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("missing field 2 in `{text}`"))
        }
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn a_number_is_read_as_it_was_written() {
        let mut random: u64 = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..1000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let number = f64::from_bits(random);
            if number.is_finite() {
                let mut text = Vec::new();
                Json::encode(&number, &mut text).expect("it can be stored");
                let read: f64 = Json::decode(text.into()).expect("it is a number");
                assert_eq!(read.to_bits(), random, "{number}");
            }
        }
    }

    fn said<T: DeserializeOwned>(value: &'static str) -> String {
        let error = Json::decode(Bytes::from_static(value.as_bytes())).map(|_: T| ());
        error.expect_err(value).to_string()
    }

    #[test]
    fn an_error_says_what_was_expected_and_repeats_nothing_of_the_value() {
        for (said, expected) in [
            (said::<u8>(r#""hunter2""#), "expected u8 at line 1 column 9"),
            (said::<u8>("12345"), "expected u8 at line 1 column 5"),
            (
                said::<u8>(r#""1, expected 2""#),
                "expected u8 at line 1 column 15",
            ),
            (
                said::<(u8, u8)>("[1]"),
                "expected a tuple of size 2 at line 1 column 3",
            ),
            (
                said::<Plan>(r#""hunter2""#),
                "expected `free` or `paid` at line 1 column 9",
            ),
            (
                said::<Plan>(r#"{"paid": {"hunter2": 1}}"#),
                "expected `until` at line 1 column 19",
            ),
            (
                said::<Plan>(r#"{"paid": {}}"#),
                "missing field `until` at line 1 column 11",
            ),
            (said::<Token>(r#""hunter2""#), "it does not fit"),
            (
                said::<Vec<Token>>(r#"["hunter2"]"#),
                "it does not fit at line 1 column 11",
            ),
            (said::<Known>(r#""hunter2""#), "it does not fit"),
            (
                said::<Nothing>(r#"{", expected hunter2": 1}"#),
                "it does not fit at line 1 column 21",
            ),
            (said::<u8>("hunter2"), "expected value at line 1 column 1"),
        ] {
            assert_eq!(said, expected);
        }
    }
}
