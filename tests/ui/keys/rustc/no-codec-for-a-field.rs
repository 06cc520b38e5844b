use swapplex::RedisKeys;
use swapplex::shape::Hash;

struct Sku;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    cart: fn(id: u64) -> Hash<Sku, u32>,
}

fn main() {}
