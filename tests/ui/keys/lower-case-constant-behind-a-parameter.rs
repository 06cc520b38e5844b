use swapplex::RedisKeys;
use swapplex::shape::Value;

#[allow(non_upper_case_globals)]
const separator: &str = "1";

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}{separator}{page}")]
    posts: fn(id: u64, page: u32) -> Value<String>,
}

fn main() {}
