use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Failure};

/// Postcard's bytes, of what derives serde's `Serialize` and `Deserialize`: small and fast.
///
/// They name no fields: a type that gains, loses or moves one cannot read what was stored before. Nor do they say what
/// comes next, so types that ask are stored and can't be read again: those with serde's `tag`, `untagged` or
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
        Ok(::postcard::from_bytes(&bytes)?)
    }
}
