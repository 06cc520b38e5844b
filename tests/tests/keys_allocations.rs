//! A key of up to 88 bytes is built without an allocation. Alone in this file, since everything is counted.

use std::alloc::System;
use std::hint::black_box;

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use swapplex::RedisKeys;
use swapplex::shape::{Counter, Value};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(RedisKeys)]
#[swapplex(prefix = "shop")]
struct Keys {
    #[key("user:{id}:profile", ttl = "15m")]
    profile: fn(id: u64) -> Value<String>,
    #[key("season:{season}-{region}:{page:04}:{hash:x}")]
    ranking: fn(season: &str, region: &str, page: u32, hash: u64) -> Counter,
    #[key("text:{text}")]
    text: fn(text: &str) -> Counter,
}

#[test]
fn a_short_key_is_built_without_an_allocation() {
    let long = "a".repeat(88 - "shop:text:".len());
    let longer = "a".repeat(long.len() + 1);
    let region = Region::new(ALLOCATOR);
    for id in 0..100 {
        drop(black_box(Keys::profile(black_box(id))));
        drop(black_box(Keys::ranking("sum:mer", "eu-west", 7, id)));
        assert_eq!(black_box(Keys::text(&long)).as_bytes().len(), 88);
    }
    let change = region.change();
    assert_eq!((change.allocations, change.reallocations), (0, 0));
    drop(black_box(Keys::text(&longer)));
    assert_eq!(region.change().allocations, 1);
}
