#[swapplex::main]
struct Main;

fn main() {}
