use std::fmt;
use std::marker::PhantomData;

use redis::{RedisWrite, ToRedisArgs, ToSingleRedisArg};

use super::policy::Policy;
use crate::argument::Argument;
use crate::client::Client;
use crate::database::{EnvConnection, Place};

/// A key of the [shape](crate::shape) `S` in the database `D`.
///
/// Usually made by an accessor that [`RedisKeys`](macro@crate::RedisKeys) writes. What can be done with it depends on
/// its shape; [`delete`](Self::delete), [`exists`](Self::exists), [`expire`](Self::expire) and the like can be done
/// with all. A text of up to 88 bytes is held without an allocation.
///
/// # Examples
///
/// ```no_run
/// use swapplex::{Key, shape::Value};
///
/// # async fn example() -> Result<(), swapplex::Error> {
/// let motd: Key<Value<String>> = Key::new("motd");
/// motd.set("hello").await?;
/// assert_eq!(motd.get().await?.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[must_use = "a key does nothing until one of its commands is called"]
pub struct Key<S, D = EnvConnection> {
    text: Argument,
    policy: &'static Policy,
    place: Place<D>,
    shape: PhantomData<fn() -> S>,
}

impl<S, D> Key<S, D> {
    /// The key with this text, which is taken as it is.
    pub fn new(text: impl Into<Argument>) -> Self {
        Self::with_policy(text, const { &Policy::new() })
    }

    /// The key with this text, of a family with this policy.
    #[inline]
    pub fn with_policy(text: impl Into<Argument>, policy: &'static Policy) -> Self {
        Self {
            text: text.into(),
            policy,
            place: Place::own(),
            shape: PhantomData,
        }
    }

    /// The same key in the database of `client`, in place of the one that its type names.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use swapplex::{Key, shape::Counter};
    /// # async fn example(visits: Key<Counter>) -> Result<(), Box<dyn std::error::Error>> {
    /// let client = swapplex::Client::open("redis://127.0.0.1:6379/1")?;
    /// visits.on(&client).incr(1).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn on(mut self, client: &Client) -> Self {
        self.place = Place::on(client.clone());
        self
    }

    /// The key as Redis knows it.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The slot of a cluster that the key is in, 0 to 16383. Keys with the same hash tag, the text in the first `{…}`,
    /// are in the same.
    pub fn slot(&self) -> u16 {
        super::slot::of(self.as_bytes())
    }

    /// What goes for all keys of the family.
    pub fn policy(&self) -> &'static Policy {
        self.policy
    }

    #[inline]
    pub(super) fn text_mut(&mut self) -> &mut Argument {
        &mut self.text
    }

    pub(super) fn text(&self) -> &Argument {
        &self.text
    }

    pub(super) fn place(&self) -> &Place<D> {
        &self.place
    }

    pub(super) fn into_parts(self) -> (Argument, Place<D>) {
        (self.text, self.place)
    }
}

/// For redis-rs's own commands, pipelines and scripts, which know nothing of the key's type, codec or time to live.
///
/// # Examples
///
/// ```no_run
/// # use redis::AsyncCommands;
/// # use swapplex::{Key, shape::{Counter, Set}};
/// # async fn example(visits: Key<Counter>, seen: Key<Set<u64>>) -> redis::RedisResult<()> {
/// let mut connection = swapplex::get_connection();
/// let (visits, seen): (u64, u64) = redis::pipe()
///     .atomic()
///     .incr(&visits, 1)
///     .sadd(&seen, 7)
///     .query_async(&mut connection)
///     .await?;
/// # Ok(())
/// # }
/// ```
impl<S, D> ToRedisArgs for Key<S, D> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        out.write_arg(self.as_bytes());
    }
}

impl<S, D> ToSingleRedisArg for Key<S, D> {}

impl<S, D> Clone for Key<S, D> {
    fn clone(&self) -> Self {
        Self {
            text: self.text.clone(),
            policy: self.policy,
            place: self.place.clone(),
            shape: PhantomData,
        }
    }
}

impl<S, D> fmt::Debug for Key<S, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({:?})", String::from_utf8_lossy(self.as_bytes()))
    }
}
