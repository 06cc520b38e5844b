//! A mixed load that knows what each answer must be, and settles accounts at the end.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::{Client, Error};
use swapplex_tests::{RedisServer, Reply, unique_prefix};

/// What became of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Acknowledged,
    Unknown,
    NotExecuted,
}

/// What one load did and saw.
#[derive(Debug, Default)]
pub(crate) struct Account {
    prefix: String,
    pushes: HashMap<u64, Outcome>,
    sets: HashMap<u64, Outcome>,
    increments: Vec<Outcome>,
    /// Errors of reads, none of which is expected while the server can be reached.
    pub(crate) read_errors: Vec<String>,
    /// Answers that are another caller's.
    pub(crate) misdelivered: Vec<String>,
    pub(crate) longest: Duration,
}

/// How much to do, and where the keys are whose values are known.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    tasks: u64,
    commands_per_task: u64,
    known: Arc<str>,
}

impl Load {
    /// Prepares the known keys, past the client under test.
    pub(crate) fn new(server: &RedisServer, tasks: u64, commands_per_task: u64) -> Self {
        let known: Arc<str> = unique_prefix().into();
        for i in 0..100 {
            server.ok(&["SET", &format!("{known}:{i}"), &i.to_string()]);
        }
        Self {
            tasks,
            commands_per_task,
            known,
        }
    }

    /// Runs the load: half reads, whose values follow from their keys; pushes of unique ids; sets; increments.
    pub(crate) async fn run(&self, client: &Client) -> Account {
        let prefix: Arc<str> = unique_prefix().into();
        let commands = self.commands_per_task;
        let tasks: Vec<_> = (0..self.tasks)
            .map(|task| {
                let (client, known, prefix) = (client.clone(), Arc::clone(&self.known), Arc::clone(&prefix));
                tokio::spawn(async move {
                    let mut account = Account::default();
                    for command in 0..commands {
                        let began = Instant::now();
                        account
                            .step(&client, &known, &prefix, task * commands + command)
                            .await;
                        account.longest = account.longest.max(began.elapsed());
                    }
                    account
                })
            })
            .collect();
        let mut total = Account {
            prefix: prefix.to_string(),
            ..Account::default()
        };
        for task in tasks {
            let account = task.await.expect("no task panics");
            total.pushes.extend(account.pushes);
            total.sets.extend(account.sets);
            total.increments.extend(account.increments);
            total.read_errors.extend(account.read_errors);
            total.misdelivered.extend(account.misdelivered);
            total.longest = total.longest.max(account.longest);
        }
        total
    }
}

impl Account {
    async fn step(&mut self, client: &Client, known: &str, prefix: &str, id: u64) {
        let mut conn = client.connection();
        match id % 20 {
            0..5 => {
                let key = format!("{known}:{}", id % 100);
                self.check_read(
                    id,
                    client
                        .get(&key)
                        .await
                        .map(|value| value.map(|value| value.to_vec())),
                );
            }
            5..10 => {
                let key = format!("{known}:{}", id % 100);
                self.check_read(
                    id,
                    conn.get::<_, Option<Vec<u8>>>(&key).await.map_err(Error::from),
                );
            }
            10..15 => {
                let result = conn.rpush::<_, _, u64>(format!("{prefix}:list"), id).await;
                self.pushes.insert(id, outcome(result.map_err(Error::from)));
            }
            15..18 => {
                let result = client.set(format!("{prefix}:set:{id}"), id).await;
                self.sets.insert(id, outcome(result));
            }
            _ => {
                let result = conn.incr::<_, _, u64>(format!("{prefix}:count"), 1).await;
                self.increments.push(outcome(result.map_err(Error::from)));
            }
        }
    }

    fn check_read(&mut self, id: u64, result: Result<Option<Vec<u8>>, Error>) {
        match result {
            Ok(Some(value)) if value == (id % 100).to_string().as_bytes() => {}
            Ok(other) => self.misdelivered.push(format!("{id}: {other:?}")),
            Err(error) => self.read_errors.push(error.to_string()),
        }
    }

    /// Writes whose outcome the client does not know.
    pub(crate) fn unknown(&self) -> usize {
        let unknown = |outcome: &&Outcome| **outcome == Outcome::Unknown;
        self.pushes.values().filter(unknown).count()
            + self.sets.values().filter(unknown).count()
            + self.increments.iter().filter(unknown).count()
    }

    /// Compares what the client was told with what the server holds.
    pub(crate) fn settle(&self, server: &RedisServer) {
        assert_eq!(self.misdelivered, [] as [&str; 0], "replies at the wrong caller");
        let prefix = &self.prefix;

        let mut pushed = HashMap::<u64, usize>::new();
        for id in server
            .ok(&["LRANGE", &format!("{prefix}:list"), "0", "-1"])
            .array()
        {
            *pushed
                .entry(id.text().parse().expect("only ids were pushed"))
                .or_default() += 1;
        }
        for (id, outcome) in &self.pushes {
            check(&format!("push of {id}"), *outcome, pushed.remove(id).unwrap_or(0));
        }
        assert!(pushed.is_empty(), "pushed by nobody: {pushed:?}");

        for (id, outcome) in &self.sets {
            let found = match server.ok(&["GET", &format!("{prefix}:set:{id}")]) {
                Reply::Nil => 0,
                value => {
                    assert_eq!(value.text(), id.to_string());
                    1
                }
            };
            check(&format!("set of {id}"), *outcome, found);
        }

        let count = match server.ok(&["GET", &format!("{prefix}:count")]) {
            Reply::Nil => 0,
            value => value.text().parse().expect("a counter"),
        };
        let acknowledged = self
            .increments
            .iter()
            .filter(|outcome| **outcome == Outcome::Acknowledged)
            .count();
        let unknown = self
            .increments
            .iter()
            .filter(|outcome| **outcome == Outcome::Unknown)
            .count();
        assert!(
            (acknowledged..=acknowledged + unknown).contains(&count),
            "counted {count}, acknowledged {acknowledged}, unknown {unknown}"
        );
    }

    /// Writes by outcome, to be printed.
    pub(crate) fn summary(&self) -> String {
        let writes = self
            .pushes
            .values()
            .chain(self.sets.values())
            .chain(&self.increments);
        let mut outcomes = HashMap::new();
        for outcome in writes {
            *outcomes.entry(format!("{outcome:?}")).or_insert(0) += 1;
        }
        format!("{outcomes:?}, longest {:?}", self.longest)
    }
}

fn check(what: &str, outcome: Outcome, times: usize) {
    match outcome {
        Outcome::Acknowledged => assert_eq!(times, 1, "{what} was acknowledged"),
        Outcome::Unknown => assert!(times <= 1, "{what} ran {times} times"),
        Outcome::NotExecuted => assert_eq!(times, 0, "{what} was said not to be executed"),
    }
}

fn outcome<T>(result: Result<T, Error>) -> Outcome {
    match result {
        Ok(_) => Outcome::Acknowledged,
        Err(Error::OutcomeUnknown { .. }) => Outcome::Unknown,
        Err(Error::NotExecuted(_)) => Outcome::NotExecuted,
        Err(error) => panic!("a write failed with {error}"),
    }
}
