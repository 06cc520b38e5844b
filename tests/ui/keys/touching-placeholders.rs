use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("post:{year}{month}")]
    posts: fn(year: u32, month: u32) -> Value<String>,
}

fn main() {}
