use swapplex::RedisKeys;
use swapplex::shape::Value;

mod inner {
    pub fn number() -> u64 {
        "text"
    }
}

fn unknown() -> Missing {
    inner::number()
}

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{}")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {}
