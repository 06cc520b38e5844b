use swapplex::RedisKeys;
use swapplex::shape::Value;

struct Id;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}", raw)]
    name: fn(id: Id) -> Value<String>,
}

fn main() {}
