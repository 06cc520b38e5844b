#[swapplex::main(flavor = "local")]
async fn body() {}

fn main() {}
