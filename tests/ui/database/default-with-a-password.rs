use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://app:correct-horse@localhost")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
