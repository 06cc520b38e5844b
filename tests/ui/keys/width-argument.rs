use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id:width$}")]
    name: fn(id: u64, width: usize) -> Value<String>,
}

fn main() {}
