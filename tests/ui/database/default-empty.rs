use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
