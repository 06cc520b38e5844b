use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    name: Value<String>,
}

fn main() {}
