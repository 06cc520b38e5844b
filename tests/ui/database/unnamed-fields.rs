use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
struct Sessions(String);

fn main() {
    let _ = Sessions::stats();
}
