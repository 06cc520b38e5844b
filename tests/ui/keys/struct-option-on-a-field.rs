use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("token:{id}")]
    #[swapplex(ttl = "15m")]
    token: fn(id: u64) -> Value<String>,
}

fn main() {}
