#[swapplex::test(worker_threads = 4)]
async fn body() {}

fn main() {}
