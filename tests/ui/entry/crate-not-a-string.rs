#[swapplex::main(crate = 1)]
async fn body() {}

fn main() {}
