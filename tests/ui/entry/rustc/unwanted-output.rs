#[swapplex::main]
async fn body() {
    println!("done");
    7
}

fn main() {}
