use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", configure)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
