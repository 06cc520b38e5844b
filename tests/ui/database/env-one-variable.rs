use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS_URL")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
