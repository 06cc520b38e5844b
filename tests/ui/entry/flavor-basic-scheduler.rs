#[swapplex::main(flavor = "basic_scheduler")]
async fn body() {}

fn main() {}
