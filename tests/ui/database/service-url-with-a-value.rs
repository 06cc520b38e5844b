use swapplex::Database;

#[derive(Database)]
#[swapplex(service_url = "SESSIONS_URL")]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
