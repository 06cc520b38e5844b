use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", replay = "writes")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
