//! A mixed load that knows what each answer must be, a rival that writes some of its keys, and the accounts of both.

mod account;
mod rival;

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use swapplex::{Client, Error};
use swapplex_tests::{RedisServer, unique_prefix};
use tokio::task::spawn_blocking;

pub(crate) use self::account::{Account, Totals};

use self::account::outcome;
use self::rival::Rival;

/// Far beyond anything but a hang.
const FOR_EVER: Duration = Duration::from_secs(120);

/// How much to do, and where the keys are whose values are known.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    tasks: u64,
    commands_per_task: u64,
    known: Arc<str>,
    /// Leads to the server itself, whatever the client under test goes through.
    direct: String,
}

impl Load {
    /// The load of the specification: about 20,000 commands by 64 tasks.
    pub(crate) fn full(server: &RedisServer) -> Self {
        Self::new(server, 64, 313)
    }

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
            direct: server.url(),
        }
    }

    /// Runs the load: half reads, whose values follow from their keys; pushes of unique ids; sets; increments.
    pub(crate) async fn run(&self, client: &Client) -> Account {
        let prefix: Arc<str> = unique_prefix().into();
        let commands = self.commands_per_task;
        let rival = Rival::start(&self.direct, &prefix);
        let replays = client.stats().replays;
        let tasks: Vec<_> = (0..self.tasks)
            .map(|task| {
                let mut caller = Caller {
                    client: client.clone(),
                    known: Arc::clone(&self.known),
                    prefix: Arc::clone(&prefix),
                    rival: rival.invitation(),
                    account: Account::default(),
                };
                tokio::spawn(async move {
                    for command in 0..commands {
                        let began = Instant::now();
                        caller.step(task * commands + command).await;
                        let account = &mut caller.account;
                        account.longest = account.longest.max(began.elapsed());
                    }
                    caller.account
                })
            })
            .collect();
        let mut total = Account::new(&prefix);
        let all = async {
            for task in tasks {
                total.add(task.await.expect("no task panics"));
            }
        };
        tokio::time::timeout(FOR_EVER, all).await.expect("nothing hangs");
        total.replays = client.stats().replays - replays;
        total.visits = spawn_blocking(|| rival.end())
            .await
            .expect("the rival does not panic");
        total
    }

    /// Runs the load again and again, at least once, for as long as `goes_on` says so.
    pub(crate) async fn run_while(&self, client: &Client, mut goes_on: impl FnMut() -> bool) -> Vec<Account> {
        let began = Instant::now();
        let mut accounts = vec![self.run(client).await];
        while goes_on() {
            assert!(began.elapsed() < FOR_EVER, "what is waited for happens");
            accounts.push(self.run(client).await);
        }
        accounts
    }
}

/// One task of a load.
struct Caller {
    client: Client,
    known: Arc<str>,
    prefix: Arc<str>,
    rival: rival::Invitation,
    account: Account,
}

impl Caller {
    async fn step(&mut self, id: u64) {
        let Self {
            client,
            known,
            prefix,
            ..
        } = self;
        let mut conn = client.connection();
        match id % 20 {
            0..5 => {
                let value = client.get(format!("{known}:{}", id % 100)).await;
                self.account
                    .read(id % 100, value.map(|value| value.map(Vec::from)));
            }
            5..10 => {
                let value = conn.get(format!("{known}:{}", id % 100)).await;
                self.account.read(id % 100, value.map_err(Error::from));
            }
            10..15 => {
                let length = conn.rpush::<_, _, u64>(format!("{prefix}:list"), id).await;
                self.account.pushes.insert(id, outcome(length));
            }
            15..18 => {
                if id % 20 == 15 {
                    self.rival.invite(id);
                }
                let key = format!("{prefix}:set:{id}");
                let done = if id % 40 < 20 {
                    client.set(key, id).await
                } else {
                    conn.set::<_, _, ()>(key, id).await.map_err(Error::from)
                };
                self.account.sets.insert(id, outcome(done));
            }
            _ => {
                let count = conn.incr::<_, _, u64>(format!("{prefix}:count"), 1).await;
                self.account.increments.push(outcome(count));
            }
        }
    }
}
