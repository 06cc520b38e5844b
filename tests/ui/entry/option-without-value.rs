#[swapplex::main(flavor)]
async fn body() {}

fn main() {}
