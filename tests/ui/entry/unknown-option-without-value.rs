#[swapplex::main(fast)]
async fn body() {}

fn main() {}
