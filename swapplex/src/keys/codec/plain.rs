use bytes::Bytes;
use redis::{FromRedisValue, RedisWrite, ToRedisArgs, ToSingleRedisArg, Value};

use super::{Decode, Encode, Failure};

/// Text, numbers and bytes as redis-rs stores them: whatever it converts to a single argument and back.
///
/// That includes `Vec<u8>`, and not `bytes::Bytes`, for which there is [`Raw`](super::Raw).
#[derive(Debug)]
pub struct Plain(());

impl<T: ?Sized> Encode<T> for Plain
where
    for<'a> &'a T: ToSingleRedisArg,
{
    fn encode(value: &T, out: &mut Vec<u8>) -> Result<(), Failure> {
        value.write_redis_args(&mut Writer(out));
        Ok(())
    }
}

impl<T: FromRedisValue> Decode<T> for Plain {
    fn decode(bytes: Bytes) -> Result<T, Failure> {
        let length = bytes.len();
        // redis-rs's error repeats the value, which may be secret, and of any size.
        T::from_redis_value(Value::BulkString(bytes.into()))
            .map_err(|_| format!("its {length} bytes do not convert").into())
    }
}

/// Appends arguments; the bound promises that there is one.
struct Writer<'a>(&'a mut Vec<u8>);

impl RedisWrite for Writer<'_> {
    fn write_arg(&mut self, argument: &[u8]) {
        self.0.extend_from_slice(argument);
    }

    fn writer_for_next_arg(&mut self) -> impl std::io::Write + '_ {
        &mut *self.0
    }
}
