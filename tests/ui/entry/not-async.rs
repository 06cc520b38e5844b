#[swapplex::main]
fn main() {}
