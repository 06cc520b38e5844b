#[swapplex::main(core_threads = 4)]
async fn body() {}

fn main() {}
