use swapplex::RedisKeys;
use swapplex::shape::Counter;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}:views", cached)]
    views: fn(id: u64) -> Counter,
}

fn main() {}
