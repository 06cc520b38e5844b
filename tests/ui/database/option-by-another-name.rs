use swapplex::Database;

#[derive(Database)]
#[swapplex(prefix = "SESSIONS")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
