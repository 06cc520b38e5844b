use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", configure = "hasty")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
