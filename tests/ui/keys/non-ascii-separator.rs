use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("route:{from}→{to}")]
    route: fn(from: &str, to: &str) -> Value<String>,
}

fn main() {}
