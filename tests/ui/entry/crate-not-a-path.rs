#[swapplex::main(crate = "456")]
async fn body() {}

fn main() {}
