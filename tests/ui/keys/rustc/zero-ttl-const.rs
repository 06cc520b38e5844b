use std::time::Duration;
use swapplex::RedisKeys;
use swapplex::shape::Value;

const WINDOW: Duration = Duration::ZERO;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", ttl = WINDOW)]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
