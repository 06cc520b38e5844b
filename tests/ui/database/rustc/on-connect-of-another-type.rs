use swapplex::{Database, NewConnection};

#[derive(Database)]
#[swapplex(env = "SESSIONS", on_connect = set_up)]
struct Sessions;

async fn set_up(_: NewConnection) {}

fn main() {
    let _ = Sessions::stats();
}
