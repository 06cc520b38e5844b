use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Runs the server until our end of the pipe closes, which is when this process ends, however it does.
const SCRIPT: &str = r#"
"${SWAPPLEX_REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$1/redis.sock" --unixsocketperm 700 --dir "$1" \
    --save "" --appendonly no --databases 10000 >"$1/log" 2>&1 &
read -r _
kill $!
rm -rf "$1"
"#;

/// The URL of a database that nobody else has, on a server of this process.
pub(crate) fn url() -> String {
    static SERVER: OnceLock<Result<(Child, String), String>> = OnceLock::new();
    static DATABASES: AtomicUsize = AtomicUsize::new(0);
    let server = SERVER.get_or_init(start).as_ref();
    let (_, socket) = server.expect("a redis-server on the PATH, or SWAPPLEX_REDIS_SERVER");
    let db = DATABASES.fetch_add(1, Ordering::Relaxed);
    format!("unix://{socket}?db={db}")
}

/// # Errors
///
/// What is in the log of a server that has not started.
fn start() -> Result<(Child, String), String> {
    let directory = std::env::temp_dir().join(format!("test-redis-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for temporary files");
    let mut shell = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(&directory)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let socket = directory.join("redis.sock");
    let started = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        if started.elapsed() > Duration::from_secs(10) {
            let log = std::fs::read_to_string(directory.join("log"));
            drop(shell.stdin.take());
            let _ = shell.wait();
            return Err(log.unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok((shell, socket.display().to_string()))
}
