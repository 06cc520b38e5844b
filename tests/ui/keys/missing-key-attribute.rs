use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
