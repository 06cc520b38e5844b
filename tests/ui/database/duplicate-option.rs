use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", env = "OTHERS")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
