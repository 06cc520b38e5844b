use swapplex::RedisKeys;

#[derive(RedisKeys)]
enum Keys {
    Name,
}

fn main() {}
