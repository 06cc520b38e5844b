use swapplex::codec::Json;
use swapplex::RedisKeys;
use swapplex::shape::Value;

struct Profile;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    profile: fn(id: u64) -> Value<Profile, Json>,
}

fn main() {}
