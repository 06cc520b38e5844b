use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{name:.3}")]
    name: fn(name: &str) -> Value<String>,
}

fn main() {}
