use swapplex::RedisKeys;
use swapplex::shape::Value;

const TEMPLATE: &str = "user:{id}";

#[derive(RedisKeys)]
struct Keys {
    #[key(TEMPLATE)]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
