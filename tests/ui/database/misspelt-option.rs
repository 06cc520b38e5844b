use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", defualt = "redis://127.0.0.1:6379/1")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
