use swapplex::Database;

#[derive(Database)]
#[swapplex(env = "SESSIONS")]
struct Sessions<T>(std::marker::PhantomData<T>);

fn main() {}
