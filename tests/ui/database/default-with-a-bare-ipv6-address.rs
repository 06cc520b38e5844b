use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://::1:6379")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
