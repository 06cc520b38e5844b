use swapplex::RedisKeys;
use swapplex::shape::Value;

const SEPARATOR: &str = ":";

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}{SEPARATOR}{page}")]
    posts: fn(id: u64, page: u32) -> Value<String>,
}

fn main() {}
