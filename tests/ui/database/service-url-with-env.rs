use swapplex::Database;

#[derive(Database)]
#[swapplex(service_url, env = "SESSIONS")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
