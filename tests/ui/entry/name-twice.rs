#[swapplex::main(name = "a", name = "b")]
async fn body() {}

fn main() {}
