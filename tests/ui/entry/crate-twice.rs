#[swapplex::main(crate = "swapplex", crate = "swapplex")]
async fn body() {}

fn main() {}
