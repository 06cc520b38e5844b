use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

use super::*;

fn exists(pid: u32) -> bool {
    // Whoever inherits a dead process may take its time to notice: a zombie is gone.
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        return stat
            .rsplit_once(") ")
            .is_some_and(|(_, state)| !state.starts_with('Z'));
    }
    Command::new("sh")
        .args(["-c", &format!("kill -0 {pid} 2>/dev/null")])
        .status()
        .unwrap()
        .success()
}

fn dial(server: &RedisServer) -> TcpStream {
    TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap()
}

fn ask(stream: &mut (impl Read + Write), request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[test]
fn a_server_answers_keeps_nothing_and_is_gone_when_dropped() {
    let server = RedisServer::start();
    assert_eq!(
        server.command(&["SET", "key", "value"]),
        Reply::Status("OK".to_owned())
    );
    assert_eq!(server.command(&["GET", "key"]).text(), "value");
    assert_eq!(server.command(&["GET", "other"]), Reply::Nil);
    assert!(matches!(server.command(&["NONSENSE"]), Reply::Error(_)));
    assert_eq!(server.command(&["MGET", "key", "other"]).array().len(), 2);

    let (pid, directory) = (server.pid(), server.directory().to_owned());
    assert!(exists(pid) && directory.exists());
    drop(server);
    assert!(!exists(pid) && !directory.exists());
}

#[test]
fn a_killed_server_comes_back_empty_on_its_port() {
    let server = RedisServer::start();
    let (url, pid) = (server.url(), server.pid());
    server.ok(&["SET", "key", "value"]);
    server.kill();
    assert!(!exists(pid));
    assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).is_err());
    assert!(server.try_command(&["PING"]).is_err());

    server.restart();
    assert_eq!(server.url(), url);
    assert_eq!(server.command(&["GET", "key"]), Reply::Nil);
    server.restart();
    assert_eq!(server.command(&["PING"]).text(), "PONG");
}

#[test]
fn a_paused_server_keeps_its_connections_and_answers_later() {
    let server = RedisServer::start();
    let mut client = dial(&server);
    server.pause();
    client.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    client.write_all(b"PING\r\n").unwrap();
    let mut answer = [0; 7];
    assert!(client.read_exact(&mut answer).is_err());
    server.resume();
    client.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    client.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"+PONG\r\n");

    server.pause();
    server.kill();
}

#[test]
fn calls_are_counted_by_command() {
    let server = RedisServer::start();
    assert_eq!(server.calls("mget"), 0);
    server.ok(&["MGET", "a", "b"]);
    server.ok(&["MGET", "a"]);
    assert_eq!(server.calls("mget"), 2);
    server.reset_calls();
    assert_eq!(server.calls("mget"), 0);
}

#[test]
fn all_clients_but_our_own_are_listed_and_killed() {
    let server = RedisServer::start();
    let mut client = dial(&server);
    assert_eq!(ask(&mut client, "CLIENT SETNAME someone\r\n"), "+OK\r\n");
    let clients = server.clients();
    assert_eq!(clients.len(), 1);
    assert_eq!(clients[0]["name"], "someone");

    assert_eq!(server.kill_clients(), 1);
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
    assert_eq!(server.clients().len(), 0);

    // Killed itself, our own is made again. The server closes it a moment after its answer: the next command may be lost.
    server.ok(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"]);
    let _ = server.try_command(&["PING"]);
    assert_eq!(server.kill_clients(), 0);
}

#[test]
fn credentials_and_users_are_those_asked_for() {
    let server = RedisServer::builder()
        .password("secret")
        .user("alice on >wonder ~a:* +@all")
        .start();
    assert_eq!(
        server.url(),
        format!("redis://:secret@127.0.0.1:{}", server.port())
    );
    let mut client = dial(&server);
    assert!(ask(&mut client, "PING\r\n").starts_with("-NOAUTH"));
    assert_eq!(ask(&mut client, "AUTH secret\r\n"), "+OK\r\n");
    assert_eq!(ask(&mut client, "AUTH alice wonder\r\n"), "+OK\r\n");
    assert!(ask(&mut client, "GET b\r\n").starts_with("-NOPERM"));

    let closed = RedisServer::builder().user("default off").start();
    assert!(ask(&mut dial(&closed), "PING\r\n").starts_with("-NOAUTH"));
    assert_eq!(closed.command(&["PING"]).text(), "PONG");
}

#[test]
fn a_unix_socket_is_there_when_asked_for() {
    let server = RedisServer::builder().unix_socket().start();
    let mut client = UnixStream::connect(server.unix_path().unwrap()).unwrap();
    assert_eq!(ask(&mut client, "PING\r\n"), "+PONG\r\n");
    assert_eq!(RedisServer::start().unix_path(), None);
}

#[test]
fn settings_hold_and_can_change_for_the_next_start() {
    let server = RedisServer::builder().config("maxmemory", "7mb").start();
    let maxmemory = || server.ok(&["CONFIG", "GET", "maxmemory"]).array()[1].text();
    assert_eq!(maxmemory(), (7 << 20).to_string());
    server.set_config("maxmemory", "8mb");
    server.restart();
    assert_eq!(maxmemory(), (8 << 20).to_string());
    server.ok(&["DEBUG", "SLEEP", "0"]);
}

#[test]
fn a_setting_that_the_server_refuses_is_shown_with_its_log() {
    let error = RedisServer::builder()
        .config("no-such-directive", "1")
        .try_start()
        .unwrap_err();
    assert!(error.to_string().contains("no-such-directive"), "{error}");
}

#[test]
fn a_server_can_be_caught_while_it_loads() {
    let server = RedisServer::start();
    for key in 0..2_000 {
        server.ok(&["SET", &key.to_string(), "value"]);
    }
    server.ok(&["SAVE"]);
    server.set_config("key-load-delay", "1000");
    // Else it looks at its clients only after 2 MiB.
    server.set_config("loading-process-events-interval-bytes", "1024");
    server.restart_without_waiting_for_loading();
    let reply = server.command(&["GET", "1"]);
    assert!(
        matches!(&reply, Reply::Error(text) if text.starts_with("LOADING")),
        "{reply:?}"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_has_a_session_of_its_own_again_and_again() {
    let server = RedisServer::start();
    for _ in 0..2 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
        // Behind the program's name: its state, its parent, its group, its session.
        let (_, facts) = stat.rsplit_once(") ").unwrap();
        assert_eq!(facts.split(' ').nth(3), Some(&*server.pid().to_string()));
        server.restart();
    }
}

#[test]
fn nothing_is_left_behind_by_a_process_that_is_killed() {
    const CHILD: &str = "SWAPPLEX_TEST_KILLED";
    if env::var_os(CHILD).is_some() {
        let server = RedisServer::start();
        println!("left: {} {}", server.pid(), server.directory().display());
        loop {
            thread::park();
        }
    }
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "server::tests::nothing_is_left_behind_by_a_process_that_is_killed",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines
        .map_while(Result::ok)
        .find_map(|line| Some(line.split_once("left: ")?.1.to_owned()))
        .unwrap();
    let (pid, directory) = line.split_once(' ').unwrap();
    let pid = pid.parse().unwrap();
    assert!(exists(pid) && Path::new(directory).exists());

    child.kill().unwrap();
    child.wait().unwrap();
    let started = Instant::now();
    while exists(pid) || Path::new(directory).exists() {
        assert!(started.elapsed() < Duration::from_secs(10), "still there: {line}");
        thread::sleep(Duration::from_millis(5));
    }
}
