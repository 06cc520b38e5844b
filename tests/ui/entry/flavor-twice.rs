#[swapplex::main(flavor = "multi_thread", flavor = "multi_thread")]
async fn body() {}

fn main() {}
