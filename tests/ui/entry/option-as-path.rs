#[swapplex::main(runtime::flavor = "multi_thread")]
async fn body() {}

fn main() {}
