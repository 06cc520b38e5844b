use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
#[key("token:{id}", ttl = "15m")]
struct Keys {
    #[key("token:{id}")]
    token: fn(id: u64) -> Value<String>,
}

fn main() {}
