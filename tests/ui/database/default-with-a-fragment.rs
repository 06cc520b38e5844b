use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "rediss://localhost#insecure")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
