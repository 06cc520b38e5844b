#[swapplex::test]
#[swapplex::test]
async fn body() {}

fn main() {}
