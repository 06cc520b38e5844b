use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{user.id}")]
    name: fn(user: &str) -> Value<String>,
}

fn main() {}
