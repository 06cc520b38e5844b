use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key(ttl = "15m")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
