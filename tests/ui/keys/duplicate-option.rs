use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", ttl = "15m", ttl = "30m")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
