use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Failure};

/// JSON, of whatever serde can serialise: readable, and forgiving when a type gains a field with a default.
#[derive(Debug)]
pub struct Json(());

impl<T: Serialize + ?Sized> Encode<T> for Json {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
        Ok(serde_json::to_writer(out, value)?)
    }
}

impl<T: DeserializeOwned> Decode<T> for Json {
    fn decode(bytes: Bytes) -> Result<T, Failure> {
        Ok(serde_json::from_slice(&bytes)?)
    }
}
