use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS", default = "redis://localhost/sessions")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
