#[swapplex::test(start_paused = true, start_paused = true)]
async fn body() {}

fn main() {}
