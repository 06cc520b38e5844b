use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "2SESSIONS")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
