use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key(concat!("user:", "{id}"))]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
