#[swapplex::main(worker_threads = 2 + 2)]
async fn body() {}

fn main() {}
