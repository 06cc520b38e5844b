#[swapplex::main]
async fn body() -> Option<u8> {
    if true {
        return;
    }
    Some(1)
}

fn main() {}
