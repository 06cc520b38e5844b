#[swapplex::test(start_paused = 1)]
async fn body() {}

fn main() {}
