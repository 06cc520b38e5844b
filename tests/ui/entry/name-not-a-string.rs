#[swapplex::main(name = 1)]
async fn body() {}

fn main() {}
