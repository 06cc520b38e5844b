use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "sessions", default = "localhost")]
struct Sessions {
    url: String,
}

fn main() {
    let _ = Sessions::stats();
}
