use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS_")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
