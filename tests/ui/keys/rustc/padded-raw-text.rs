use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("season:{name:04}:{page}", raw(name))]
    season: fn(name: &str, page: i64) -> Value<String>,
}

fn main() {}
