use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:x")]
    name: fn(_: u64) -> Value<String>,
}

fn main() {}
