use swapplex::{RedisKeys, Set};

#[derive(RedisKeys)]
struct Keys {
    #[key("seen:{id}")]
    seen: fn(id: u64) -> Set<u64>,
}

fn main() {}
