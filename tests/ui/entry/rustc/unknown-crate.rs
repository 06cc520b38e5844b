#[swapplex::main(crate = "swaplex")]
async fn body() {}

fn main() {}
