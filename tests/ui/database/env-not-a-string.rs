use swapplex::Database;

#[derive(Database)]
#[swapplex(env = SESSIONS)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
