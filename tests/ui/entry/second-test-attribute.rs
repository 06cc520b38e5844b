#[swapplex::test]
#[test]
async fn body() {}

fn main() {}
