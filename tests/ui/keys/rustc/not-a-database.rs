use swapplex::RedisKeys;
use swapplex::shape::Value;

struct Sessions;

#[derive(RedisKeys)]
#[swapplex(database = Sessions)]
struct Keys {
    #[key("user:{id}")]
    name: fn(id: u64) -> Value<String>,
    #[key("mail:{id}")]
    mail: fn(id: u64) -> Value<String>,
}

fn main() {}
