use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SHOP-SESSIONS")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
