#[swapplex::main(multi_thread)]
async fn body() {}

fn main() {}
