//! The derive passes where every lint is denied.

#![forbid(unsafe_code)]
#![deny(
    warnings,
    missing_docs,
    unused,
    dead_code,
    nonstandard_style,
    future_incompatible,
    let_underscore
)]
#![deny(
    unreachable_pub,
    unused_qualifications,
    unused_results,
    single_use_lifetimes,
    elided_lifetimes_in_paths
)]
#![deny(explicit_outlives_requirements, missing_debug_implementations)]
#![deny(
    trivial_casts,
    trivial_numeric_casts,
    unused_import_braces,
    unused_lifetimes,
    variant_size_differences
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery, clippy::cargo)]
#![allow(
    clippy::multiple_crate_versions,
    clippy::cargo_common_metadata,
    reason = "not the derive's doing"
)]
#![allow(clippy::wildcard_dependencies, reason = "not the derive's doing")]

pub mod keys {
    //! Keys as a library has them.

    use std::time::Duration;

    use swapplex::RedisKeys;
    use swapplex::shape::{Counter, Hash, Value};

    const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

    /// A keyspace.
    #[derive(Debug, RedisKeys)]
    #[swapplex(prefix = "lints")]
    pub struct Keys {
        /// A name.
        #[key("user:{id}:name", ttl = "15m", cached)]
        pub name: fn(id: String) -> Value<String>,
        /// Views.
        #[key("user:{id}:views", ttl = WEEK)]
        pub views: fn(id: u64) -> Counter,
        /// A cart.
        #[key("{{user:{id}}}:cart/{path}", raw(path))]
        pub cart: fn(id: &u64, path: &str) -> Hash<String, u32>,
        /// Gone soon.
        #[deprecated = "use `name`"]
        #[key("user:{id}:nick")]
        pub nick: fn(id: u64) -> Value<String>,
    }

    /// A generic keyspace.
    #[derive(Debug, RedisKeys)]
    pub struct Generic<T: std::fmt::Display> {
        /// A thing.
        #[key("thing:{id}")]
        pub thing: fn(id: T) -> Counter,
        /// A pair.
        #[key("pair:{a}:{b}")]
        pub pair: for<'a> fn(a: &'a T, b: &'a str) -> Counter,
    }
}

pub mod silenced {
    //! What is silenced on a struct or a field is silenced in what it expands to.

    use std::fmt;

    use swapplex::shape::Counter;
    use swapplex::{Database, RedisKeys};

    /// An old identifier.
    #[derive(Clone, Copy, Debug)]
    #[deprecated = "use a `u64`"]
    pub struct OldId(pub u64);

    #[allow(deprecated, reason = "it is still there")]
    impl fmt::Display for OldId {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.fmt(f)
        }
    }

    /// An old database.
    #[derive(Debug, Database)]
    #[deprecated = "use another"]
    #[swapplex(env = "OLD")]
    pub struct OldDatabase;

    /// An old keyspace.
    #[derive(Debug, RedisKeys)]
    #[deprecated = "use another"]
    #[swapplex(prefix = "old", database = OldDatabase)]
    pub struct OldKeys {
        /// Views.
        #[key("views:{id}")]
        pub views: fn(id: u64) -> Counter,
    }

    /// A keyspace of which some fields are old.
    #[derive(Debug, RedisKeys)]
    #[swapplex(prefix = "fields")]
    pub struct Fields {
        /// Views.
        #[allow(deprecated, reason = "data is still there")]
        #[key("views:{id}")]
        pub views: fn(id: OldId) -> Counter,
        /// Visits.
        #[expect(deprecated, reason = "data is still there")]
        #[key("visits:{id}")]
        pub visits: fn(id: OldId) -> Counter,
    }

    /// A keyspace of which all fields are old.
    #[derive(Debug, RedisKeys)]
    #[expect(deprecated, reason = "data is still there")]
    #[allow(non_snake_case, reason = "another program's name")]
    #[swapplex(prefix = "all")]
    pub struct All {
        /// Views.
        #[key("views:{id}")]
        pub pageViews: fn(id: OldId) -> Counter,
    }
}

#[test]
#[expect(deprecated, reason = "they are there to be used")]
fn what_is_deprecated_works_as_long_as_it_is_there() {
    use silenced::{All, Fields, OldDatabase, OldId, OldKeys};

    let id = OldId(7);
    let views: swapplex::Key<_, OldDatabase> = OldKeys::views(7);
    assert_eq!(views.as_bytes(), b"old:views:7");
    assert_eq!(Fields::views(id).as_bytes(), b"fields:views:7");
    assert_eq!(Fields::visits(id).as_bytes(), b"fields:visits:7");
    assert_eq!(All::pageViews(id).as_bytes(), b"all:views:7");
}

#[test]
fn accessors_work() {
    assert_eq!(keys::Keys::name("a".into()).as_bytes(), b"lints:user:a:name");
    assert_eq!(keys::Keys::views(7).as_bytes(), b"lints:user:7:views");
    assert_eq!(keys::Keys::cart(&7, "x:y").as_bytes(), b"lints:{user:7}:cart/x:y");
    assert_eq!(keys::Generic::thing(7).as_bytes(), b"thing:7");
    assert_eq!(keys::Generic::pair(&7, "b").as_bytes(), b"pair:7:b");
}
