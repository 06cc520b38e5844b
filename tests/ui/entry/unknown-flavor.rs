#[swapplex::main(flavor = "multithread")]
async fn body() {}

fn main() {}
