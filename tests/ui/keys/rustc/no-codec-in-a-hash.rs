use swapplex::RedisKeys;
use swapplex::shape::Hash;

struct Item;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    cart: fn(id: u64) -> Hash<String, Item>,
}

fn main() {}
