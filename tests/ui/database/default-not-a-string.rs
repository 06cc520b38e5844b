use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = 6379)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
