use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("image:{width}x{height}")]
    image: fn(width: u32, height: u32) -> Value<String>,
}

fn main() {}
