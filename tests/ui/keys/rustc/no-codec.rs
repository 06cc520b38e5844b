use swapplex::RedisKeys;
use swapplex::shape::Value;

struct Profile {
    _name: String,
}

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    profile: fn(id: u64) -> Value<Profile>,
}

fn main() {}
