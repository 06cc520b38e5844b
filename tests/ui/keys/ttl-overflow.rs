use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", ttl = "999999999999d")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
