use swapplex::RedisKeys;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    name: String,
}

fn main() {
    let _ = Keys::name(7).get();
}
