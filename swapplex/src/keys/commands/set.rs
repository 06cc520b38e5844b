use crate::codec::{Decode, Stores};
use crate::command::Class;
use crate::database::Database;
use crate::keys::command::Command;
use crate::keys::draft::Parts;
use crate::keys::key::Key;
use crate::keys::reply;
use crate::shape::Set;

/// What can be done with a [`Set`].
///
/// A `ttl` starts when the key is created, with its first member.
impl<T: 'static, C: 'static, D: Database> Key<Set<T, C>, D> {
    /// Adds a member.
    pub fn add<Q: ?Sized>(&self, member: &Q) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        self.creating("SADD", Class::Idempotent, Parts::Sum)
            .value::<T, Q, C>(member)
            .send(reply::done)
    }

    /// Adds a member, and says whether it is new. Not sent twice.
    pub fn add_counted<Q: ?Sized>(&self, member: &Q) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        self.creating("SADD", Class::Effects, Parts::Sum)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// Adds members.
    pub fn add_many<'a, Q: ?Sized + 'a>(&self, members: impl IntoIterator<Item = &'a Q>) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        let mut members = members.into_iter().peekable();
        if members.peek().is_none() {
            return Command::ready(Ok(()));
        }
        members
            .fold(
                self.creating("SADD", Class::Idempotent, Parts::Sum),
                super::super::draft::Draft::value::<T, Q, C>,
            )
            .send(reply::done)
    }

    /// Removes a member.
    pub fn remove<Q: ?Sized>(&self, member: &Q) -> Command<(), D>
    where
        T: Stores<Q, C>,
    {
        self.draft("SREM", Class::Idempotent)
            .value::<T, Q, C>(member)
            .send(reply::done)
    }

    /// Removes a member, and says whether it was one. Not sent twice.
    pub fn remove_counted<Q: ?Sized>(&self, member: &Q) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("SREM", Class::Effects)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// Whether it is a member.
    pub fn contains<Q: ?Sized>(&self, member: &Q) -> Command<bool, D>
    where
        T: Stores<Q, C>,
    {
        self.draft("SISMEMBER", Class::Read)
            .value::<T, Q, C>(member)
            .send(reply::plain)
    }

    /// How many members there are.
    pub fn len(&self) -> Command<u64, D> {
        self.draft("SCARD", Class::Read).send(reply::plain)
    }
}

/// What can be done with a [`Set`], reading it.
impl<T: 'static, C: Decode<T> + 'static, D: Database> Key<Set<T, C>, D> {
    /// All members, in no order.
    pub fn members(&self) -> Command<Vec<T>, D> {
        self.draft("SMEMBERS", Class::Read).send(reply::values::<T, C>)
    }

    /// Some member, if there is one.
    pub fn random(&self) -> Command<Option<T>, D> {
        self.draft("SRANDMEMBER", Class::Read).send(reply::option::<T, C>)
    }

    /// Removes some member and returns it. Not sent twice.
    pub fn pop(&self) -> Command<Option<T>, D> {
        self.draft("SPOP", Class::Other).send(reply::option::<T, C>)
    }
}
