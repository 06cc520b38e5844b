use swapplex::RedisKeys;

#[derive(RedisKeys)]
union Keys {
    name: u64,
}

fn main() {}
