use swapplex::Database;

#[derive(Database)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
