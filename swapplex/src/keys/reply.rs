//! What answers mean, in RESP2, in RESP3 and out of a script: the one place that matches on [`Value`].

use std::any::type_name;
use std::sync::Arc;

use bytes::Bytes;
use redis::{FromRedisValue, ParsingError, RedisError, Value};

use super::codec::{Decode, Failure};
use crate::error::Error;

/// Why an answer is of no use to its caller.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It is not what the command gives.
    Answer(ParsingError),
    /// A value in it is not what the key's type says.
    Value { value: &'static str, cause: Failure },
}

impl Unfit {
    pub(super) fn into_error(self, key: &[u8]) -> Error {
        match self {
            Self::Answer(error) => Error::Redis(Arc::new(RedisError::from(error))),
            Self::Value { value, cause } => Error::Decode {
                key: String::from_utf8_lossy(key).into(),
                value,
                cause: cause.into(),
            },
        }
    }
}

impl From<ParsingError> for Unfit {
    fn from(error: ParsingError) -> Self {
        Self::Answer(error)
    }
}

/// The value, without attributes in front of it.
pub(super) fn bare(mut value: Value) -> Value {
    while let Value::Attribute { data, .. } = value {
        value = *data;
    }
    value
}

/// Anything but an error will do.
#[expect(clippy::unnecessary_wraps, reason = "called by a pointer, as the others")]
pub(super) fn done(_: Value) -> Result<(), Unfit> {
    Ok(())
}

/// Whatever redis-rs makes of it. Its errors repeat what they can't convert, which may be secret.
pub(super) fn plain<T: FromRedisValue>(answer: Value) -> Result<T, Unfit> {
    let (kind, length) = kind(&answer);
    T::from_redis_value(answer).map_err(|_| Unfit::Value {
        value: type_name::<T>(),
        cause: match length {
            Some(length) => format!("{kind} of length {length} does not convert"),
            None => format!("{kind} does not convert"),
        }
        .into(),
    })
}

/// What an answer is, and how long, without what is in it.
fn kind(answer: &Value) -> (&'static str, Option<usize>) {
    match answer {
        Value::Nil => ("nil", None),
        Value::Int(_) => ("an integer", None),
        Value::Double(_) => ("a number", None),
        Value::Boolean(_) => ("a boolean", None),
        Value::BulkString(bytes) => ("a string", Some(bytes.len())),
        Value::Okay | Value::SimpleString(_) => ("a status", None),
        Value::Array(members) => ("an array", Some(members.len())),
        Value::Set(members) => ("a set", Some(members.len())),
        Value::Map(pairs) => ("a map", Some(pairs.len())),
        _ => ("a reply of an unusual kind", None),
    }
}

/// Whether it was `OK` rather than nil.
pub(super) fn accepted(answer: Value) -> Result<bool, Unfit> {
    Ok(Option::<Value>::from_redis_value(answer)?.is_some())
}

pub(super) fn value<T, C: Decode<T>>(answer: Value) -> Result<T, Unfit> {
    decode::<T, C>(bytes(answer)?)
}

/// A value, or nothing.
pub(super) fn option<T, C: Decode<T>>(answer: Value) -> Result<Option<T>, Unfit> {
    match answer {
        Value::Nil => Ok(None),
        answer => value::<T, C>(answer).map(Some),
    }
}

pub(super) fn values<T, C: Decode<T>>(answer: Value) -> Result<Vec<T>, Unfit> {
    members(answer)?.into_iter().map(value::<T, C>).collect()
}

pub(super) fn options<T, C: Decode<T>>(answer: Value) -> Result<Vec<Option<T>>, Unfit> {
    members(answer)?.into_iter().map(option::<T, C>).collect()
}

pub(super) fn scored<T, C: Decode<T>>(answer: Value) -> Result<Vec<(T, f64)>, Unfit> {
    pairs(answer)?
        .into_iter()
        .map(|(member, score)| Ok((value::<T, C>(member)?, plain(score)?)))
        .collect()
}

/// The members of a list or a set; nil is an empty one.
pub(super) fn members(answer: Value) -> Result<Vec<Value>, Unfit> {
    Ok(match answer {
        Value::Nil => Vec::new(),
        Value::Array(members) | Value::Set(members) => members,
        other => plain(other)?,
    })
}

/// Pairs: as such, one after the other, or as a map.
pub(super) fn pairs(answer: Value) -> Result<Vec<(Value, Value)>, Unfit> {
    let members = match answer {
        Value::Map(pairs) => return Ok(pairs),
        other => members(other)?,
    };
    let mut members = members.into_iter();
    let mut pairs = Vec::with_capacity(members.len());
    while let Some(first) = members.next() {
        let pair = match first {
            Value::Array(pair) => <[Value; 2]>::try_from(pair).ok(),
            first => members.next().map(|second| [first, second]),
        };
        let [first, second] =
            pair.ok_or_else(|| ParsingError::from("an odd number of values where pairs were expected"))?;
        pairs.push((first, second));
    }
    Ok(pairs)
}

pub(super) fn decode<T, C: Decode<T>>(bytes: Bytes) -> Result<T, Unfit> {
    C::decode(bytes).map_err(|cause| Unfit::Value {
        value: type_name::<T>(),
        cause,
    })
}

fn bytes(answer: Value) -> Result<Bytes, Unfit> {
    Ok(match answer {
        Value::BulkString(bytes) => bytes.into(),
        other => plain::<String>(other)?.into(),
    })
}
