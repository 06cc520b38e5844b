use swapplex::Database;

#[derive(Database)]
#[swapplex(service_url)]
struct Sessions;

fn main() {
    let _ = Sessions::stats();
}
