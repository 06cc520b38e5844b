#[swapplex::main(flavor = "single_thread")]
async fn body() {}

fn main() {}
