use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
enum Sessions {
    Only,
}

fn main() {
    let _ = Sessions::stats();
}
