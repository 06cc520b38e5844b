use swapplex::RedisKeys;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    name: fn(id: u64),
}

fn main() {}
