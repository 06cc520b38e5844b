//! What a key holds: the shapes, and what each can do.
//!
//! A shape is a type without values that stands in a key's type, as in [`Key<Value<String>>`](crate::Key). What can be
//! done with such a key are inherent methods of it, so that a command that does not fit does not compile, and an
//! editor's completion lists what does.
//!
//! | shape | holds | a `ttl` is set |
//! |---|---|---|
//! | [`Value<T, C>`](Value) | one value | each time it is set |
//! | [`Counter`] | an integer | when the key is created, or set |
//! | [`Hash<F, V, C>`](struct@Hash) | values by field | when the key is created |
//! | [`Set<T, C>`](Set) | distinct members | when the key is created |
//! | [`List<T, C>`](List) | values in order, with two ends | when the key is created |
//! | [`SortedSet<T, C>`](SortedSet) | distinct members in order of a score | when the key is created |
//! | [`Stream<F, V, C>`](Stream) | entries that are only added, each fields and values | when the key is created |
//!
//! "When the key is created" means: by the command that creates it, atomically, and not again while the key lives. For
//! a counter that takes a transaction. For the others it takes a script of a few lines, which the server must let us
//! run (`EVAL`); without a `ttl` none is used.
//!
//! # Shapes of your own
//!
//! A type that implements [`Shape`] names the shape; an extension trait for [`Key`](crate::Key)s of it says what they
//! can do, with [`Key::command`](crate::Key::command):
//!
//! ```
//! use swapplex::{Database, Key, keys::Command, shape::Shape};
//!
//! /// Counts distinct things, about.
//! pub struct Estimate;
//! impl Shape for Estimate {}
//!
//! pub trait EstimateCommands<D: Database> {
//!     fn observe(&self, thing: &str) -> Command<bool, D>;
//!     fn count(&self) -> Command<u64, D>;
//! }
//!
//! impl<D: Database> EstimateCommands<D> for Key<Estimate, D> {
//!     fn observe(&self, thing: &str) -> Command<bool, D> {
//!         self.command("PFADD").arg(thing).query()
//!     }
//!     fn count(&self) -> Command<u64, D> {
//!         self.command("PFCOUNT").query()
//!     }
//! }
//! ```

use std::marker::PhantomData;

use crate::codec::{Codec, Plain};

/// What a key holds. Implement it for a type of your own to give keys a shape of your own; see the [module](self).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a shape",
    label = "expected what the key holds",
    note = "the shapes in `swapplex::shape` are `Value<T>`, `Counter`, `Hash<F, V>`, `Set<T>`, `List<T>`, `SortedSet<T>` \
            and `Stream<F, V>`"
)]
pub trait Shape {}

/// A shape whose keys can be cached on the client.
#[diagnostic::on_unimplemented(
    message = "keys of the shape `{Self}` cannot be cached on the client",
    label = "`{Self}` cannot be cached on the client",
    note = "`cached` is for `Value<T>`"
)]
pub trait Cacheable {}

/// One value. A `ttl` starts each time it is set.
#[derive(Debug)]
pub struct Value<T, C = Plain>(Holds<(T, C)>);

/// An integer that is counted up and down. A `ttl` starts when the key is created or set, and not when it is counted.
#[derive(Debug)]
pub struct Counter(Holds<()>);

/// Values by field. A `ttl` starts when the first field is written, for all of them.
#[derive(Debug)]
pub struct Hash<F, V, C = Plain>(Holds<(F, V, C)>);

/// Distinct members, in no order. A `ttl` starts when the first member is added.
///
/// Two members are the same where their encoded bytes are.
#[derive(Debug)]
pub struct Set<T, C = Plain>(Holds<(T, C)>);

/// Values in order, added and taken at both ends. A `ttl` starts when the first value is pushed.
#[derive(Debug)]
pub struct List<T, C = Plain>(Holds<(T, C)>);

/// Distinct members in order of their score. A `ttl` starts when the first member is added.
///
/// Two members are the same where their encoded bytes are. Members with the same score are in order of these bytes.
#[derive(Debug)]
pub struct SortedSet<T, C = Plain>(Holds<(T, C)>);

/// Entries that are only added, each of them fields and values. A `ttl` starts when the first entry is added.
#[derive(Debug)]
pub struct Stream<F, V, C = Plain>(Holds<(F, V, C)>);

type Holds<T> = PhantomData<fn() -> T>;

impl<T, C: Codec<T>> Shape for Value<T, C> {}
impl Shape for Counter {}
impl<F, V, C: Codec<V>> Shape for Hash<F, V, C> where Plain: Codec<F> {}
impl<T, C: Codec<T>> Shape for Set<T, C> {}
impl<T, C: Codec<T>> Shape for List<T, C> {}
impl<T, C: Codec<T>> Shape for SortedSet<T, C> {}
impl<F, V, C: Codec<V>> Shape for Stream<F, V, C> where Plain: Codec<F> {}

impl<T, C> Cacheable for Value<T, C> {}
