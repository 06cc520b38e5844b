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

#[test]
fn accessors_work() {
    assert_eq!(keys::Keys::name("a".into()).as_bytes(), b"lints:user:a:name");
    assert_eq!(keys::Keys::views(7).as_bytes(), b"lints:user:7:views");
    assert_eq!(keys::Keys::cart(&7, "x:y").as_bytes(), b"lints:{user:7}:cart/x:y");
    assert_eq!(keys::Generic::thing(7).as_bytes(), b"thing:7");
    assert_eq!(keys::Generic::pair(&7, "b").as_bytes(), b"pair:7:b");
}
