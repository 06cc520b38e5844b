use crate::codec::{Decode, Stores};
use crate::command::Class;
use crate::database::Database;
use crate::keys::command::Command;
use crate::keys::draft::Parts;
use crate::keys::key::Key;
use crate::keys::reply;
use crate::shape::List;

/// What can be done with a [`List`].
///
/// A `ttl` starts when the key is created, with its first value. Places count from 0 at the front, or from -1 at the
/// back.
impl<T: 'static, C: 'static, D: Database> Key<List<T, C>, D> {
    /// Adds a value at the front, and returns the new length. Not sent twice.
    pub fn push_front<Q: ?Sized>(&self, value: &Q) -> Command<u64, D>
    where
        T: Stores<Q, C>,
    {
        self.creating("LPUSH", Class::Other, Parts::Last)
            .value::<T, Q, C>(value)
            .send(reply::plain)
    }

    /// Adds a value at the back, and returns the new length. Not sent twice.
    pub fn push_back<Q: ?Sized>(&self, value: &Q) -> Command<u64, D>
    where
        T: Stores<Q, C>,
    {
        self.creating("RPUSH", Class::Other, Parts::Last)
            .value::<T, Q, C>(value)
            .send(reply::plain)
    }

    /// Adds values at the back, in order, and returns the new length. Not sent twice.
    pub fn push_back_many<'a, Q: ?Sized + 'a>(
        &self,
        values: impl IntoIterator<Item = &'a Q>,
    ) -> Command<u64, D>
    where
        T: Stores<Q, C>,
    {
        let mut values = values.into_iter().peekable();
        if values.peek().is_none() {
            return self.len();
        }
        values
            .fold(
                self.creating("RPUSH", Class::Other, Parts::Last),
                super::super::draft::Draft::value::<T, Q, C>,
            )
            .send(reply::plain)
    }

    /// Removes all but the values from one place to another, both included. Not sent twice.
    pub fn trim(&self, from: i64, to: i64) -> Command<(), D> {
        self.draft("LTRIM", Class::Other)
            .number(from)
            .number(to)
            .send(reply::done)
    }

    /// How many values there are.
    pub fn len(&self) -> Command<u64, D> {
        self.draft("LLEN", Class::Read).send(reply::plain)
    }
}

/// What can be done with a [`List`], reading it.
impl<T: 'static, C: Decode<T> + 'static, D: Database> Key<List<T, C>, D> {
    /// Removes the value at the front and returns it. Not sent twice.
    pub fn pop_front(&self) -> Command<Option<T>, D> {
        self.draft("LPOP", Class::Other).send(reply::option::<T, C>)
    }

    /// Removes the value at the back and returns it. Not sent twice.
    pub fn pop_back(&self) -> Command<Option<T>, D> {
        self.draft("RPOP", Class::Other).send(reply::option::<T, C>)
    }

    /// The value at a place.
    pub fn get(&self, place: i64) -> Command<Option<T>, D> {
        self.draft("LINDEX", Class::Read)
            .number(place)
            .send(reply::option::<T, C>)
    }

    /// The values from one place to another, both included: `range(0, -1)` is all.
    pub fn range(&self, from: i64, to: i64) -> Command<Vec<T>, D> {
        self.draft("LRANGE", Class::Read)
            .number(from)
            .number(to)
            .send(reply::values::<T, C>)
    }
}
