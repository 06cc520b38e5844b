use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
struct Sessions;

impl Database for Sessions {
    fn client() -> &'static swapplex::Client {
        swapplex::EnvConnection::client()
    }
}

fn main() {
    let _ = Sessions::stats();
}
