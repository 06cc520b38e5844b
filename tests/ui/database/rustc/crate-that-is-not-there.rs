use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", crate = "nowhere")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
