use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("page:{id}")]
    page: fn(id: u64) -> Value<bytes::Bytes>,
}

fn main() {}
