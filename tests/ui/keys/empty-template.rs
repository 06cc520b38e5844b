use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("")]
    name: fn() -> Value<String>,
}

fn main() {}
