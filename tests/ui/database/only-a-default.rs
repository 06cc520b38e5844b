use swapplex::Database;

#[derive(Database)]
#[swapplex(default = "redis://127.0.0.1:6379/1")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
