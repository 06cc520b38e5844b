use swapplex::RedisKeys;
use swapplex::shape::Value;

fn window() -> std::time::Duration {
    std::time::Duration::from_secs(1)
}

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", ttl = window())]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
