use swapplex::RedisKeys;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    name: fn(id: u64),
}

async fn callers() -> Result<Option<String>, swapplex::Error> {
    Keys::name(7).delete().await?;
    let spawned = tokio::spawn(Keys::name(7).get());
    drop(spawned);
    Keys::name(7).get().await
}

fn main() {
    drop(callers());
}
