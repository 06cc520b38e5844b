#[swapplex::main(worker_threads = 4, worker_threads = 4)]
async fn body() {}

fn main() {}
