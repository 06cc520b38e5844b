use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "http://localhost:6379")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
