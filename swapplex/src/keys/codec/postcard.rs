use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Failure};

/// Postcard's bytes, of what derives serde's `Serialize` and `Deserialize`: small and fast.
///
/// They name no fields: a type that gains or loses one cannot read what was stored before, and one that moves a field may
/// take it for another of the same kind. Nor do they say what comes next, so types that ask are stored and can't be read again: those with serde's `tag`, `untagged` or
/// `skip_serializing_if`, and `serde_json::Value`. (`flatten` is an error when it is to be stored.)
#[derive(Debug)]
pub struct Postcard(());

impl<T: Serialize + ?Sized> Encode<T> for Postcard {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
        ::postcard::to_io(value, out)?;
        Ok(())
    }
}

impl<T: DeserializeOwned> Decode<T> for Postcard {
    fn decode(bytes: Bytes) -> Result<T, Failure> {
        // Its errors repeat nothing of the value.
        match ::postcard::take_from_bytes(&bytes)? {
            (value, []) => Ok(value),
            (_, rest) => Err(format!("{} bytes are left over", rest.len()).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_longer_than_its_type_is_refused() {
        let mut stored = Vec::new();
        Postcard::encode(&(1_u8, "two"), &mut stored).expect("it can be stored");
        let stored = Bytes::from(stored);
        let same: (u8, String) = Postcard::decode(stored.clone()).expect("it is what was stored");
        assert_eq!(same, (1, "two".to_owned()));
        let less: Result<u8, Failure> = Postcard::decode(stored);
        assert_eq!(
            less.expect_err("a field is gone").to_string(),
            "4 bytes are left over"
        );
    }
}
