#[swapplex::main(start_paused = true)]
async fn body() {}

fn main() {}
