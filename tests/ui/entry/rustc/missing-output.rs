#[swapplex::main]
async fn body() -> Result<(), std::fmt::Error> {
    println!("done");
}

fn main() {}
