//! The derives where the crate has another name in `Cargo.toml`.

use redis_layer::shape::{Counter, Value};

/// A database.
#[derive(Debug, redis_layer::Database)]
#[swapplex(crate = "redis_layer", env = "SHOP", configure = std::convert::identity)]
pub struct Shop;

/// A keyspace.
#[derive(Debug, redis_layer::RedisKeys)]
#[swapplex(crate = "redis_layer", prefix = "shop", database = Shop)]
pub struct Keys {
    /// A name.
    #[key("user:{id}:name", ttl = "1h", cached = "30s")]
    pub name: fn(id: u64) -> Value<String>,
    /// Pages.
    #[key("page:{page:04}:{id:x}")]
    pub page: fn(page: u32, id: u64) -> Counter,
}

#[test]
fn the_crate_may_be_renamed() {
    assert_eq!(Keys::name(7).as_bytes(), b"shop:user:7:name");
    assert_eq!(Keys::page(7, 255).as_bytes(), b"shop:page:0007:ff");
}
