use redis::{Cmd, ErrorKind, FromRedisValue, RedisError, ToRedisArgs};

use super::command::{Command, KeyRequest, Line};
use super::key::Key;
use super::reply;
use crate::command::{self, Route};
use crate::database::Database;
use crate::error::Error;

/// A command on a key that no method stands for; from [`Key::command`].
#[derive(Debug)]
#[must_use = "a command is sent when the future that `query` returns is polled"]
pub struct Custom<S, D> {
    key: Key<S, D>,
    command: Cmd,
}

impl<S, D: Database> Key<S, D> {
    /// Any command whose first argument is the key, for [shapes](crate::shape) of your own and for what has no method.
    ///
    /// Where a connection is lost, it is sent again as [`Replay`](crate::Replay) says.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use swapplex::{Key, shape::Value};
    /// # async fn example(key: Key<Value<String>>) -> Result<(), swapplex::Error> {
    /// let start: String = key.command("GETRANGE").arg(0).arg(9).query().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn command(&self, name: &str) -> Custom<S, D> {
        let mut command = redis::cmd(name);
        command.arg(self.as_bytes());
        Custom {
            key: self.clone(),
            command,
        }
    }
}

impl<S, D: Database> Custom<S, D> {
    /// Adds an argument, or several.
    pub fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// The future that sends the command and converts its answer.
    pub fn query<T: FromRedisValue + 'static>(self) -> Command<T, D> {
        let refusal = match command::route(&self.command) {
            Ok(Route::Shared) => None,
            Ok(Route::Apart(_)) => Some(RedisError::from((
                ErrorKind::Client,
                "a command that blocks would hold up everybody: send it through a connection, which moves it",
                command::name(&self.command),
            ))),
            Err(refusal) => Some(refusal),
        };
        if let Some(refusal) = refusal {
            return Command::ready(Err(Error::from(refusal)));
        }
        let mut line = Line::empty();
        for argument in self.command.args_iter() {
            if let redis::Arg::Simple(bytes) = argument {
                line.push(bytes);
            }
        }
        let request = KeyRequest {
            key: self.key.text().clone(),
            lines: vec![line],
            name: command::name(&self.command).into(),
            class: command::class(&self.command),
            is_for_ttl: false,
            read: reply::plain,
        };
        Command::call(self.key.place(), request)
    }
}
