use swapplex::RedisKeys;
use swapplex::shape::Value;

const WINDOW: u64 = 15;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", ttl = WINDOW)]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
