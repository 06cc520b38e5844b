use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    profile: fn(id: u64) -> Value<String>,
    #[key("user:{name}")]
    by_name: fn(name: &str) -> Value<String>,
}

fn main() {}
