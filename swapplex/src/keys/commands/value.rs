use std::time::Duration;

use bytes::Bytes;

use crate::argument::Argument;
use crate::batch::{Assign, Assignment, Get, Lookup, Set};
use crate::codec::{Decode, Stores};
use crate::command::Class;
use crate::database::{Database, Place};
use crate::error::Error;
use crate::keys::command::Command;
use crate::keys::key::Key;
use crate::keys::policy::millis;
use crate::keys::reply;
use crate::shape::Value;

/// What can be done with a [`Value`].
impl<T: 'static, C: Decode<T> + 'static, D: Database> Key<Value<T, C>, D> {
    /// Gets the value; joins every other `get` under way in one `MGET`.
    ///
    /// `None` where the key does not exist **or holds no string**, such as a list: an `MGET` cannot tell. Where the
    /// difference counts, use [`get_fresh`](Self::get_fresh).
    pub fn get(&self) -> Get<T, Place<D>> {
        Get::new::<Self>(self.place().clone(), self.text().clone())
    }

    /// Gets the value from the server, in a `GET` of its own; `WRONGTYPE` is an error.
    pub fn get_fresh(&self) -> Command<Option<T>, D> {
        self.draft("GET", Class::Read).send(reply::option::<T, C>)
    }

    /// Sets the value and returns the one before. Not sent twice.
    pub fn get_set<Q: ?Sized>(&self, value: &Q) -> Command<Option<T>, D>
    where
        T: Stores<Q, C>,
    {
        let draft = self.draft("SET", Class::Other).value::<T, Q, C>(value);
        let draft = match self.policy().ttl_millis() {
            Some(ttl) => draft.bytes(b"PX").number(ttl),
            None => draft,
        };
        draft.bytes(b"GET").send(reply::option::<T, C>)
    }

    /// Deletes the key and returns its value. Not sent twice.
    pub fn get_del(&self) -> Command<Option<T>, D> {
        self.draft("GETDEL", Class::Other).send(reply::option::<T, C>)
    }
}

/// What can be done with a [`Value`], without reading it.
impl<T: 'static, C: 'static, D: Database> Key<Value<T, C>, D> {
    /// Sets the value, or a borrowed form of it: `"x"` for a `Value<String>`.
    ///
    /// Without a `ttl`, joins every other `set` under way in one `MSET`. With one, the `ttl` starts.
    pub fn set<Q: ?Sized>(&self, value: &Q) -> Set<Place<D>>
    where
        T: Stores<Q, C>,
    {
        let ttl = self.policy().ttl_millis();
        Set::new(
            self.place().clone(),
            assignment::<T, Q, C, _, D>(self, value, ttl),
        )
    }

    /// Sets the value, and has the key expire that long from now, in place of the family's `ttl`, if there is one; after a
    /// millisecond at least.
    ///
    /// For what is known only at run time, such as how long a token is valid.
    pub fn set_ex<Q: ?Sized>(&self, value: &Q, ttl: Duration) -> Set<Place<D>>
    where
        T: Stores<Q, C>,
    {
        let ttl = Some(millis(ttl));
        Set::new(
            self.place().clone(),
            assignment::<T, Q, C, _, D>(self, value, ttl),
        )
    }

    /// Sets the value if the key does not exist, and says whether it did. Not sent twice.
    pub fn set_nx<Q: ?Sized>(&self, value: &Q) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        let draft = self
            .draft("SET", Class::Other)
            .value::<T, Q, C>(value)
            .bytes(b"NX");
        let draft = match self.policy().ttl_millis() {
            Some(ttl) => draft.bytes(b"PX").number(ttl),
            None => draft,
        };
        draft.send(reply::accepted)
    }
}

fn assignment<T: Stores<Q, C>, Q: ?Sized, C, S, D>(
    key: &Key<S, D>,
    value: &Q,
    ttl: Option<u64>,
) -> Assignment {
    let mut bytes = Vec::new();
    match T::encode(value, &mut bytes) {
        Ok(()) => Assignment::with_ttl(key.text().clone(), bytes.into(), ttl),
        Err(source) => Assignment::failed(Error::encode(key.as_bytes(), source)),
    }
}

/// Looks up the value, decoded.
impl<T: 'static, C: Decode<T> + 'static, D: Database> Lookup for Key<Value<T, C>, D> {
    type Value = T;
    type Handle = Place<D>;

    fn into_parts(self) -> (Argument, Place<D>) {
        Key::into_parts(self)
    }

    fn decode(key: &[u8], value: Bytes) -> Result<T, Error> {
        reply::decode::<T, C>(value).map_err(|unfit| unfit.into_error(key))
    }
}

/// Looks up the value, decoded.
impl<T: 'static, C: Decode<T> + 'static, D: Database> Lookup for &Key<Value<T, C>, D> {
    type Value = T;
    type Handle = Place<D>;

    fn into_parts(self) -> (Argument, Place<D>) {
        Key::into_parts(self.clone())
    }

    fn decode(key: &[u8], value: Bytes) -> Result<T, Error> {
        <Key<Value<T, C>, D>>::decode(key, value)
    }
}

/// Sets the value, or a borrowed form of it.
impl<T: Stores<Q, C> + 'static, Q: ?Sized, C: 'static, D: Database> Assign<&Q> for Key<Value<T, C>, D> {
    type Handle = Place<D>;

    fn assign(self, value: &Q) -> (Assignment, Place<D>) {
        let ttl = self.policy().ttl_millis();
        (
            assignment::<T, Q, C, _, D>(&self, value, ttl),
            Key::into_parts(self).1,
        )
    }
}

/// Sets the value, or a borrowed form of it.
impl<T: Stores<Q, C> + 'static, Q: ?Sized, C: 'static, D: Database> Assign<&Q> for &Key<Value<T, C>, D> {
    type Handle = Place<D>;

    fn assign(self, value: &Q) -> (Assignment, Place<D>) {
        let ttl = self.policy().ttl_millis();
        (
            assignment::<T, Q, C, _, D>(self, value, ttl),
            self.place().clone(),
        )
    }
}
