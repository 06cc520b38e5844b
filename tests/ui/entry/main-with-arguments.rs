#[swapplex::main]
async fn main(number: u8) {
    let _ = number;
}
