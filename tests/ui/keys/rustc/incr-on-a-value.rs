use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    visits: fn(id: u64) -> Value<u64>,
}

fn main() {
    let _ = Keys::visits(7).incr(1);
}
