#[swapplex::main(flavor = "fast", worker_threads = 0)]
fn body() -> u8 {
    1
}

fn main() {}
