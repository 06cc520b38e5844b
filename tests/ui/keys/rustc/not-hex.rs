use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("blob:{digest:x}")]
    blob: fn(digest: &str) -> Value<String>,
}

fn main() {}
