use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", replay = Reads)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
