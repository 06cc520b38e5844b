use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("rate:{a}%{b}")]
    rate: fn(a: u32, b: u32) -> Value<String>,
}

fn main() {}
