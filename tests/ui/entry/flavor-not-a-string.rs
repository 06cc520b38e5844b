#[swapplex::main(flavor = 1)]
async fn body() {}

fn main() {}
