use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", configure = hasty)]
struct Sessions;

fn hasty(timeout: u64) -> u64 {
    timeout
}

fn main() {
    let _ = Sessions::stats();
}
