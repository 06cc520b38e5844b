use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", on_connect = "set_up")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
