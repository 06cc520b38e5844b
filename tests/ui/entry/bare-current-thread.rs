#[swapplex::test(current_thread)]
async fn body() {}

fn main() {}
