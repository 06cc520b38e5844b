use bytes::Bytes;

use super::{Decode, Encode, Failure};

/// Bytes as they are: a [`Bytes`], which is read without a copy, or a `Vec<u8>`.
///
/// A [`Bytes`] is a slice of the buffer that it was read into, as [`get`](crate::get) gives it: copy what you keep for long.
///
/// # Examples
///
/// ```no_run
/// use bytes::Bytes;
/// use swapplex::{Key, codec::Raw, shape::Value};
///
/// # async fn example() -> Result<(), swapplex::Error> {
/// let page: Key<Value<Bytes, Raw>> = Key::new("page:7");
/// page.set(&Bytes::from_static(b"<p>")).await?;
/// page.set(&b"<p>"[..]).await?; // or a slice
/// let page: Option<Bytes> = page.get().await?;
/// # Ok(())
/// # }
/// ```
// Not done by `Plain`: redis-rs may make an argument of `Bytes` one day, so nobody else may say how that is stored.
#[derive(Debug)]
pub struct Raw(());

impl<T: AsRef<[u8]> + ?Sized> Encode<T> for Raw {
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
        out.extend_from_slice(value.as_ref());
        Ok(())
    }
}

impl<T: From<Bytes>> Decode<T> for Raw {
    fn decode(bytes: Bytes) -> Result<T, Failure> {
        Ok(bytes.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_without_a_copy() {
        let stored = Bytes::from(vec![0, 255, 10]);
        let read: Bytes = Raw::decode(stored.clone()).expect("any bytes will do");
        assert_eq!(read.as_ptr(), stored.as_ptr());
        let read: Vec<u8> = Raw::decode(stored).expect("any bytes will do");
        let mut out = Vec::new();
        Raw::encode(&read, &mut out).expect("any bytes will do");
        assert_eq!(out, [0, 255, 10]);
    }
}
