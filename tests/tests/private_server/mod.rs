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
    static SERVER: OnceLock<(Child, String)> = OnceLock::new();
    static DATABASES: AtomicUsize = AtomicUsize::new(0);
    let (_, socket) = SERVER.get_or_init(start);
    let db = DATABASES.fetch_add(1, Ordering::Relaxed);
    format!("unix://{socket}?db={db}")
}

fn start() -> (Child, String) {
    let directory = std::env::temp_dir().join(format!("test-redis-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for temporary files");
    let shell = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(&directory)
        .stdin(Stdio::piped())
        .spawn()
        .expect("a shell");
    let socket = directory.join("redis.sock");
    let started = Instant::now();
    while UnixStream::connect(&socket).is_err() {
        let is_late = started.elapsed() > Duration::from_secs(10);
        assert!(!is_late, "no server: {}", directory.join("log").display());
        std::thread::sleep(Duration::from_millis(2));
    }
    (shell, socket.display().to_string())
}
