use swapplex::Database;

#[derive(Database)]
#[swapplex()]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
