#[swapplex::main]
async fn body() -> u8 {
    let text = "seven";
    text
}

fn main() {}
