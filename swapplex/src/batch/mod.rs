//! `get`s and `set`s that travel together.
//!
//! Whatever asks for keys at the same time, from whichever task, shares commands: many [`get`]s become one `MGET`,
//! many [`set`]s one `MSET`. Nobody waits for that to happen; see [the essay](crate::docs::batching).

pub(crate) mod answer;
mod get;
mod last;
mod many;
mod plain;
mod set;

pub use get::{Get, Lookup};
pub use many::{GetMany, SetMany};
pub use set::{Assign, Assignment, Set};

/// Gets the value of a key; joins every other `get` under way in one `MGET`.
///
/// For a plain key (text or bytes), asks the database of the environment, [`EnvConnection`](crate::EnvConnection), for a
/// [`Key`](crate::Key) its own; for others see [`Database::get`](crate::Database::get) and
/// [`Client::get`](crate::Client::get). The value is `None` where the key does not exist **or holds no string**: an `MGET`
/// cannot tell, so a lone `get` does not either. Where the difference counts, use `get` of [`redis::AsyncCommands`] on a
/// [connection](crate::get_connection).
///
/// The value is a slice of the buffer that it was read into, shared with other values: of 64 KiB as a rule, and of more than
/// 128 KiB only where it is half of what was read, or more. Copy what you keep for long, such as with
/// [`Bytes::copy_from_slice`](bytes::Bytes::copy_from_slice).
///
/// # Errors
///
/// [`Error::NotExecuted`](crate::Error::NotExecuted) where no connection could be had in time,
/// [`Error::Timeout`](crate::Error::Timeout) where no answer came in time (5 s by default, retries included),
/// [`Error::Redis`](crate::Error::Redis) where the server answered with an error,
/// [`Error::Decode`](crate::Error::Decode) where the value of a [`Key`](crate::Key) is not what its type says.
///
/// # Panics
///
/// When the future is polled after it was ready.
///
/// # Cancel safety
///
/// Dropping the future gives up the value and disturbs nobody. The key may still be asked for.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), swapplex::Error> {
/// let (name, email) = tokio::try_join!(
///     swapplex::get("user:7:name"),
///     swapplex::get(format!("user:{}:email", 7)),
/// )?; // one MGET
/// # let _: (Option<bytes::Bytes>, Option<bytes::Bytes>) = (name, email);
/// # Ok(())
/// # }
/// ```
pub fn get<K: Lookup>(key: K) -> Get<K::Value, K::Handle> {
    let (key, handle) = key.into_parts();
    Get::new::<K>(handle, key)
}

/// Gets the values of many keys, in order; joins every other [`get`] under way.
///
/// # Errors
///
/// As [`get`]; the first error ends it.
///
/// # Cancel safety
///
/// As [`get`].
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), swapplex::Error> {
/// let values = swapplex::get_many(["a", "b", "c"]).await?;
/// assert_eq!(values.len(), 3);
/// # Ok(())
/// # }
/// ```
pub fn get_many<K: Lookup>(keys: impl IntoIterator<Item = K>) -> GetMany<K::Value, K::Handle> {
    GetMany::new(keys)
}

/// Sets the value of a key; joins every other `set` under way in one `MSET`.
///
/// A plain key (text or bytes), in the database of the environment, to whatever redis-rs makes one argument of: text,
/// bytes, a number. (Of a [`Bytes`](bytes::Bytes) it makes none, but of its slice: `&value[..]`.) A [`Key`](crate::Key),
/// in its own database, to what it stores, given as a reference; with a `ttl`, it travels in a `SET` of its own, and the
/// `ttl` starts.
///
/// Resolves when the server has confirmed it. Where two tasks set the same key at the same time, one value is
/// written, the one that was asked for later, and both are told that outcome.
///
/// # Errors
///
/// As [`get`], [`Error::Encode`](crate::Error::Encode) where the value of a [`Key`](crate::Key) has no encoded form, and
/// [`Error::OutcomeUnknown`](crate::Error::OutcomeUnknown) where the value was sent and the time was up before the server
/// confirmed it. Where the connection is lost, it is sent again if [`Replay`](crate::Replay) allows.
///
/// # Panics
///
/// When the future is polled after it was ready.
///
/// # Cancel safety
///
/// Dropping the future before its first poll sets nothing; after that, the value may still be set.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), swapplex::Error> {
/// use swapplex::{Key, shape::Value};
///
/// swapplex::set("user:7:name", "Ada").await?;
///
/// let age: Key<Value<u8>> = Key::new("user:7:age");
/// swapplex::set(&age, &36).await?; // as age.set(&36)
/// # Ok(())
/// # }
/// ```
pub fn set<K: Assign<V>, V>(key: K, value: V) -> Set<K::Handle> {
    let (assignment, handle) = key.assign(value);
    Set::new(handle, assignment)
}

/// Sets the values of many keys; joins every other [`set`] under way.
///
/// Pairs of a key and its value, of any kind that [`set`] takes. Keys with a `ttl` travel in one write, each in a `SET` of
/// its own, since an `MSET` knows none. Of the values of a key that is there more than once, the last one is written.
///
/// # Errors
///
/// As [`set`]; the first error ends it, and the other values may be set.
///
/// # Cancel safety
///
/// As [`set`].
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), swapplex::Error> {
/// swapplex::set_many([("a", 1), ("b", 2)]).await?;
/// # Ok(())
/// # }
/// ```
pub fn set_many<K: Assign<V>, V>(pairs: impl IntoIterator<Item = (K, V)>) -> SetMany<K::Handle> {
    SetMany::new(pairs)
}
