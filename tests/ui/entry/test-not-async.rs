#[swapplex::test]
fn body() {}

fn main() {}
