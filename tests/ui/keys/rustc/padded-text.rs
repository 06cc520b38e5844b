use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("season:{name:04}")]
    season: fn(name: &str) -> Value<String>,
}

fn main() {}
