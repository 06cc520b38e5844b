use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}:posts")]
    posts: fn(id: u64, page: u32) -> Value<String>,
}

fn main() {}
