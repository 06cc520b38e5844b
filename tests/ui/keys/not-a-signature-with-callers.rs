use swapplex::RedisKeys;
use swapplex::shape::Value;

#[derive(RedisKeys)]
struct Keys {
    #[key("user:{id}")]
    name: Value<String>,
}

async fn callers() -> Result<Option<String>, swapplex::Error> {
    Keys::name().delete().await?;
    Keys::name(7, "x", 7.0).set("Ada").await?;
    let names = swapplex::get_many([1, 2, 3].map(Keys::name)).await?;
    let spawned = tokio::spawn(Keys::name(7).get());
    drop((names, spawned));
    Keys::name(7).get().await
}

fn main() {
    drop(callers());
}
