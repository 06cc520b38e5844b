use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "unix://redis.sock")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
