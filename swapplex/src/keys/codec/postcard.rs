use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Decode, Encode, Failure};

/// Postcard's bytes, of whatever serde can serialise: small and fast.
///
/// They name no fields: a type that gains, loses or moves one cannot read what was stored before.
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
