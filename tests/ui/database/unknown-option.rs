use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", colour = "red")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
