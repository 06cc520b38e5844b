use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("file:{path}", raw)]
    file: fn(path: &str) -> Value<String>,
    #[key("file:{id}:meta")]
    meta: fn(id: u64) -> Value<String>,
}

fn main() {}
