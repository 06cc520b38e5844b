use std::collections::HashMap;
use std::hash;

use crate::codec::{Decode, Plain, Stores};
use crate::command::Class;
use crate::database::Database;
use crate::error::Error;
use crate::keys::command::Command;
use crate::keys::draft::Parts;
use crate::keys::field::FieldRequest;
use crate::keys::key::Key;
use crate::keys::reply;
use crate::shape::Hash;

/// What can be done with a [`Hash`](struct@Hash).
///
/// A `ttl` starts when the key is created, with its first field, and goes for all of them.
impl<F: 'static, V: 'static, C: Decode<V> + 'static, D: Database> Key<Hash<F, V, C>, D> {
    /// The value of a field; joins every other `get` of this hash under way in one `HMGET`.
    pub fn get<Q: ?Sized>(&self, field: &Q) -> Command<Option<V>, D>
    where
        F: Stores<Q, Plain>,
    {
        let mut bytes = Vec::new();
        if let Err(source) = F::encode(field, &mut bytes) {
            return Command::ready(Err(Error::encode(self.as_bytes(), source)));
        }
        let request = FieldRequest {
            key: self.text().clone(),
            field: bytes.into(),
            read: |value| value.map(reply::decode::<V, C>).transpose(),
        };
        Command::field(self.place(), request)
    }

    /// The values of fields, in order.
    pub fn get_many<'a, Q: ?Sized + 'a>(
        &self,
        fields: impl IntoIterator<Item = &'a Q>,
    ) -> Command<Vec<Option<V>>, D>
    where
        F: Stores<Q, Plain>,
    {
        let mut fields = fields.into_iter().peekable();
        if fields.peek().is_none() {
            return Command::ready(Ok(Vec::new()));
        }
        fields
            .fold(self.draft("HMGET", Class::Read), |draft, field| {
                draft.value::<F, Q, Plain>(field)
            })
            .send(reply::options::<V, C>)
    }

    /// All fields and their values.
    pub fn all(&self) -> Command<HashMap<F, V>, D>
    where
        F: Eq + hash::Hash,
        Plain: Decode<F>,
    {
        self.draft("HGETALL", Class::Read).send(|answer| {
            reply::pairs(answer)?
                .into_iter()
                .map(|(field, value)| Ok((reply::value::<F, Plain>(field)?, reply::value::<V, C>(value)?)))
                .collect()
        })
    }
}

/// What can be done with a [`Hash`](struct@Hash), without reading its values.
impl<F: 'static, V: 'static, C: 'static, D: Database> Key<Hash<F, V, C>, D> {
    /// Sets the value of a field.
    pub fn set<Q: ?Sized, W: ?Sized>(&self, field: &Q, value: &W) -> Command<(), D>
    where
        F: Stores<Q, Plain>,
        V: Stores<W, C>,
    {
        self.creating("HSET", Class::Idempotent, Parts::Sum)
            .value::<F, Q, Plain>(field)
            .value::<V, W, C>(value)
            .send(reply::done)
    }

    /// Sets the value of a field, and says whether the field is new. Not sent twice.
    pub fn set_counted<Q: ?Sized, W: ?Sized>(&self, field: &Q, value: &W) -> Command<bool, D>
    where
        F: Stores<Q, Plain>,
        V: Stores<W, C>,
    {
        self.creating("HSET", Class::Effects, Parts::Sum)
            .value::<F, Q, Plain>(field)
            .value::<V, W, C>(value)
            .send(reply::plain)
    }

    /// Sets the values of fields.
    pub fn set_many<'a, Q: ?Sized + 'a, W: ?Sized + 'a>(
        &self,
        fields: impl IntoIterator<Item = (&'a Q, &'a W)>,
    ) -> Command<(), D>
    where
        F: Stores<Q, Plain>,
        V: Stores<W, C>,
    {
        let mut fields = fields.into_iter().peekable();
        if fields.peek().is_none() {
            return Command::ready(Ok(()));
        }
        fields
            .fold(
                self.creating("HSET", Class::Idempotent, Parts::Sum),
                |draft, (field, value)| draft.value::<F, Q, Plain>(field).value::<V, W, C>(value),
            )
            .send(reply::done)
    }

    /// Adds to the integer in a field, from 0 where there is none, and returns the sum. Not sent twice.
    ///
    /// The field must hold an integer as text, which is what [`Plain`] stores.
    pub fn incr<Q: ?Sized>(&self, field: &Q, by: i64) -> Command<i64, D>
    where
        F: Stores<Q, Plain>,
    {
        self.creating("HINCRBY", Class::Other, Parts::Whole)
            .value::<F, Q, Plain>(field)
            .number(by)
            .send(reply::plain)
    }

    /// Removes a field.
    pub fn remove<Q: ?Sized>(&self, field: &Q) -> Command<(), D>
    where
        F: Stores<Q, Plain>,
    {
        self.draft("HDEL", Class::Idempotent)
            .value::<F, Q, Plain>(field)
            .send(reply::done)
    }

    /// Removes a field, and says whether there was one. Not sent twice.
    pub fn remove_counted<Q: ?Sized>(&self, field: &Q) -> Command<bool, D>
    where
        F: Stores<Q, Plain>,
    {
        self.draft("HDEL", Class::Effects)
            .value::<F, Q, Plain>(field)
            .send(reply::plain)
    }

    /// Whether there is such a field.
    pub fn contains<Q: ?Sized>(&self, field: &Q) -> Command<bool, D>
    where
        F: Stores<Q, Plain>,
    {
        self.draft("HEXISTS", Class::Read)
            .value::<F, Q, Plain>(field)
            .send(reply::plain)
    }

    /// How many fields there are.
    pub fn len(&self) -> Command<u64, D> {
        self.draft("HLEN", Class::Read).send(reply::plain)
    }
}
