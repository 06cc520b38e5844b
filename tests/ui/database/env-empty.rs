use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
