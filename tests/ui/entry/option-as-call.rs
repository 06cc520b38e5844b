#[swapplex::main(flavor("multi_thread"))]
async fn body() {}

fn main() {}
