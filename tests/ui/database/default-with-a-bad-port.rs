use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://localhost:63790000")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
