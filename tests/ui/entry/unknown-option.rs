#[swapplex::main(threads = 4)]
async fn body() {}

fn main() {}
