#[swapplex::main(worker_threads = 0)]
async fn body() {}

fn main() {}
