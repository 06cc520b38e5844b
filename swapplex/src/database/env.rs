use std::sync::OnceLock;

use super::origin::Database;
use crate::client::Client;
use crate::config::Source;

/// The database that the environment names: `REDIS_URL`, or its components `REDIS_HOST`, `REDIS_PORT` and so on.
///
/// Without any of them, `redis://127.0.0.1:6379`. See [`config`](crate::config) for all variables. They are read at
/// each connect.
#[derive(Clone, Copy, Debug)]
pub struct EnvConnection;

impl Database for EnvConnection {
    #[inline]
    fn client() -> &'static Client {
        static CLIENT: OnceLock<Client> = OnceLock::new();
        CLIENT.get_or_init(|| Client::builder(Source::env("REDIS")).build())
    }
}
