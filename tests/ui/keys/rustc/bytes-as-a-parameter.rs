use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("blob:{digest}")]
    blob: fn(digest: &[u8]) -> Value<String>,
}

fn main() {}
