use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "sessions")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
