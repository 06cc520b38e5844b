use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id:?}", ttl = "15m")]
    name: fn(id: u64) -> Value<String>,
}

fn main() {
    let key = Keys::name(7);
    let _ = key.clone().get();
    let _ = key.set("Ada");
}
