use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys(fn(u64) -> Value<String>);

fn main() {}
