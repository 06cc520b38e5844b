#[swapplex::main(flavor = "threaded_scheduler")]
async fn body() {}

fn main() {}
