//! What a server is started with.

use std::fmt::Write;
use std::io;
use std::path::Path;

use super::RedisServer;

/// How a [`RedisServer`] is to be started; from [`RedisServer::builder`].
#[derive(Clone, Debug, Default)]
pub struct Builder {
    pub(super) directives: Vec<(String, String)>,
    pub(super) password: Option<String>,
    pub(super) users: Vec<String>,
    pub(super) unix_socket: bool,
}

impl Builder {
    /// Adds a directive of the configuration file, such as `("maxmemory", "1mb")`, after and above our own.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.directives.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes the default user ask for this password.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Adds a user, in the words of `ACL SETUSER`: `"alice on >secret ~app:* +@all"`.
    ///
    /// `"default off"` takes the default user away; the commands of the test itself don't need it.
    #[must_use]
    pub fn user(mut self, rule: &str) -> Self {
        self.users.push(rule.to_owned());
        self
    }

    /// Listens on a Unix socket, too.
    #[must_use]
    pub fn unix_socket(mut self) -> Self {
        self.unix_socket = true;
        self
    }

    /// Starts the server and waits until it answers.
    ///
    /// # Panics
    ///
    /// If there is no server to start, or it does not start; with its log.
    #[track_caller]
    pub fn start(self) -> RedisServer {
        match self.try_start() {
            Ok(server) => server,
            Err(error) => panic!("{error}"),
        }
    }

    /// Like [`start`](Self::start), for programs that want to say it in their own words.
    ///
    /// # Errors
    ///
    /// If there is no server to start, or it does not start; with its log.
    pub fn try_start(self) -> io::Result<RedisServer> {
        RedisServer::open(&self)
    }

    /// The configuration file; `major` is the server's version.
    pub(super) fn file(&self, port: u16, directory: &Path, major: u32) -> String {
        let directory = directory.display();
        let mut file = format!(
            "bind 127.0.0.1\nport {port}\nprotected-mode no\ndir \"{directory}\"\naclfile \"{directory}/users.acl\"\n\
             save \"\"\nappendonly no\n"
        );
        if major >= 7 {
            // Older servers allow both and don't know the directives.
            file.push_str("enable-debug-command yes\nenable-protected-configs yes\n");
        }
        if self.unix_socket {
            let _ = writeln!(file, "unixsocket \"{directory}/redis.sock\"");
        }
        for (name, value) in &self.directives {
            let _ = writeln!(file, "{name} {value}");
        }
        file
    }

    /// The file of users; `admin` is the rule of our own.
    pub(super) fn users(&self, admin: &str) -> String {
        let password = self
            .password
            .as_ref()
            .map_or_else(|| "nopass".to_owned(), |password| format!(">{password}"));
        let mut rules = vec![admin.to_owned()];
        if !self
            .users
            .iter()
            .any(|rule| rule.split_whitespace().next() == Some("default"))
        {
            rules.push(format!("default on {password} ~* &* +@all"));
        }
        rules.extend_from_slice(&self.users);
        rules
            .iter()
            .fold(String::new(), |file, rule| file + "user " + rule + "\n")
    }
}
