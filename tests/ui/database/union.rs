use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
union Sessions {
    url: u8,
}

fn main() {
    let _ = Sessions::stats();
}
