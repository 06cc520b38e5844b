use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
struct Sessions {
    url: String,
}

fn main() {
    let _ = Sessions::stats();
}
