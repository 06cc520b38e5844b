use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
