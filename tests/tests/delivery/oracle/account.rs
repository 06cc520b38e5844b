//! What the client was told, compared with what the server holds.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::time::Duration;

use redis::RedisError;
use swapplex::Error;
use swapplex_tests::{RedisServer, Reply};

use super::rival::{MARK, Visit};

/// What became of one write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With the number that the server answered, where it is one.
    Acknowledged(Option<u64>),
    Unknown,
    NotExecuted,
    /// The server answered with an error, whose code this is.
    Refused(String),
}

/// What one load did and saw.
#[derive(Debug, Default)]
pub(crate) struct Account {
    prefix: String,
    pub(super) pushes: HashMap<u64, Outcome>,
    pub(super) sets: HashMap<u64, Outcome>,
    pub(super) increments: Vec<Outcome>,
    /// Where the rival came by.
    pub(super) visits: HashMap<u64, Visit>,
    /// How many commands were sent again meanwhile.
    pub(super) replays: u64,
    pub(super) longest: Duration,
    reads: u64,
    /// Reads that got an error, by its kind.
    read_failures: BTreeMap<String, u64>,
    /// Answers that are another caller's.
    misdelivered: Vec<String>,
}

impl Account {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
            ..Self::default()
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.pushes.extend(other.pushes);
        self.sets.extend(other.sets);
        self.increments.extend(other.increments);
        self.longest = self.longest.max(other.longest);
        self.reads += other.reads;
        for (kind, count) in other.read_failures {
            *self.read_failures.entry(kind).or_default() += count;
        }
        self.misdelivered.extend(other.misdelivered);
    }

    /// Notes the answer to a read whose right value is `expected`.
    pub(super) fn read(&mut self, expected: u64, result: Result<Option<Vec<u8>>, Error>) {
        self.reads += 1;
        match result {
            Ok(Some(value)) if value == expected.to_string().as_bytes() => {}
            Ok(other) => self.misdelivered.push(format!("{other:?} for {expected}")),
            Err(error) => *self.read_failures.entry(kind(&error)).or_default() += 1,
        }
    }

    fn writes(&self) -> impl Iterator<Item = &Outcome> {
        self.pushes
            .values()
            .chain(self.sets.values())
            .chain(&self.increments)
    }

    fn count(&self, is_counted: impl Fn(&Outcome) -> bool) -> u64 {
        self.writes().filter(|outcome| is_counted(outcome)).count() as u64
    }

    /// Writes whose outcome the client does not know.
    pub(crate) fn unknown(&self) -> u64 {
        self.count(|outcome| *outcome == Outcome::Unknown)
    }

    /// Writes that the client says were not executed.
    pub(crate) fn not_executed(&self) -> u64 {
        self.count(|outcome| *outcome == Outcome::NotExecuted)
    }

    /// Writes that the server answered with an error of this code.
    pub(crate) fn refused(&self, code: &str) -> u64 {
        self.count(|outcome| matches!(outcome, Outcome::Refused(other) if other == code))
    }

    /// How long the slowest command took.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }

    /// Reads that got an error, by its kind: `Timeout`, `NotExecuted`, the code of the server's error.
    pub(crate) fn read_failures(&self) -> &BTreeMap<String, u64> {
        &self.read_failures
    }

    /// Compares what the client was told with what the server holds.
    ///
    /// Of the writes, each that was acknowledged has been executed once, each whose outcome is unknown once at most, no
    /// other at all. Replies are their callers' own: values follow from keys, lengths and counts from the place that a
    /// write has in the order of all.
    pub(crate) fn settle(&self, server: &RedisServer) -> Totals {
        assert_eq!(self.misdelivered, [] as [&str; 0], "replies at the wrong caller");
        self.settle_pushes(server);
        self.settle_increments(server);
        let overwritten = self.settle_sets(server);
        assert!(
            overwritten <= self.replays,
            "{overwritten} values of the rival are gone, and only {} commands were sent again",
            self.replays
        );
        Totals {
            reads: self.reads,
            writes: self.writes().count() as u64,
            unknown: self.unknown(),
            not_executed: self.not_executed(),
            refused: self.count(|outcome| matches!(outcome, Outcome::Refused(_))),
            replays: self.replays,
            rivalled: self.visits.len() as u64,
            overwritten,
            longest: self.longest,
        }
    }

    fn settle_pushes(&self, server: &RedisServer) {
        let list = server.ok(&["LRANGE", &format!("{}:list", self.prefix), "0", "-1"]);
        let list: Vec<u64> = list
            .array()
            .iter()
            .map(|id| id.text().parse().expect("only ids were pushed"))
            .collect();
        let mut pushed = HashMap::<u64, usize>::new();
        for id in &list {
            *pushed.entry(*id).or_default() += 1;
        }
        for (id, outcome) in &self.pushes {
            check(&format!("push of {id}"), outcome, pushed.remove(id).unwrap_or(0));
            if let Outcome::Acknowledged(length) = outcome {
                let place = length
                    .and_then(|length| usize::try_from(length).ok())
                    .expect("a length");
                assert_eq!(list[place - 1], *id, "the reply to another's push");
            }
        }
        assert!(pushed.is_empty(), "pushed by nobody: {pushed:?}");
    }

    /// Gives how many of the rival's values were there, and are not any more.
    fn settle_sets(&self, server: &RedisServer) -> u64 {
        let ids: Vec<u64> = self.sets.keys().copied().collect();
        let mut overwritten = 0;
        for ids in ids.chunks(500) {
            let keys = ids.iter().map(|id| format!("{}:set:{id}", self.prefix));
            let request: Vec<String> = std::iter::once("MGET".to_owned()).chain(keys).collect();
            for (id, value) in ids.iter().zip(server.ok(&request).array()) {
                let value = match value {
                    Reply::Nil => None,
                    value => Some(value.text()),
                };
                let what = format!("set of {id}");
                let (is_ours, is_theirs) = match value.as_deref() {
                    None => (false, false),
                    Some(MARK) => (false, true),
                    Some(value) => {
                        assert_eq!(value, id.to_string(), "{what}");
                        (true, false)
                    }
                };
                let outcome = &self.sets[id];
                match self.visits.get(id) {
                    None => {
                        assert!(!is_theirs, "{what}: the rival was not told of it");
                        check(&what, outcome, is_ours.into());
                    }
                    // Ours came later, if it came.
                    Some(Visit::First) => {
                        assert!(is_ours || is_theirs, "{what}: neither value is there");
                        check(&what, outcome, is_ours.into());
                    }
                    Some(Visit::Second) => {
                        check(&what, outcome, 1);
                        overwritten += u64::from(is_ours);
                    }
                    // Theirs would hide whether ours was there.
                    Some(Visit::Unknown) if is_theirs => {}
                    Some(Visit::Unknown) => check(&what, outcome, is_ours.into()),
                }
            }
        }
        overwritten
    }

    fn settle_increments(&self, server: &RedisServer) {
        let count = match server.ok(&["GET", &format!("{}:count", self.prefix)]) {
            Reply::Nil => 0,
            value => value.text().parse().expect("a counter"),
        };
        let mut counts: Vec<u64> = Vec::new();
        let mut unknown = 0;
        for outcome in &self.increments {
            match outcome {
                Outcome::Acknowledged(count) => counts.push(count.expect("a count")),
                Outcome::Unknown => unknown += 1,
                Outcome::NotExecuted | Outcome::Refused(_) => {}
            }
        }
        let acknowledged = counts.len() as u64;
        assert!(
            (acknowledged..=acknowledged + unknown).contains(&count),
            "counted {count}, acknowledged {acknowledged}, unknown {unknown}"
        );
        counts.sort_unstable();
        counts.dedup();
        assert_eq!(counts.len() as u64, acknowledged, "one reply for two increments");
        assert!(
            counts.last().is_none_or(|last| *last <= count),
            "a count that was never reached"
        );
    }

    /// Asserts that nobody was told of any trouble: every read was answered, and every write acknowledged or unknown.
    #[track_caller]
    pub(crate) fn assert_untroubled(&self) {
        assert_eq!(self.read_failures, BTreeMap::new(), "reads without an answer");
        let troubled = self.count(|outcome| matches!(outcome, Outcome::NotExecuted | Outcome::Refused(_)));
        assert_eq!(troubled, 0, "writes that were not executed");
    }
}

/// What settled accounts come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    pub(crate) unknown: u64,
    pub(crate) not_executed: u64,
    pub(crate) refused: u64,
    pub(crate) replays: u64,
    /// Writes of the rival, and those of them that a replay has undone.
    pub(crate) rivalled: u64,
    pub(crate) overwritten: u64,
    pub(crate) longest: Duration,
}

impl std::ops::AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.reads += other.reads;
        self.writes += other.writes;
        self.unknown += other.unknown;
        self.not_executed += other.not_executed;
        self.refused += other.refused;
        self.replays += other.replays;
        self.rivalled += other.rivalled;
        self.overwritten += other.overwritten;
        self.longest = self.longest.max(other.longest);
    }
}

impl std::iter::Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |mut sum, one| {
            sum += one;
            sum
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let acknowledged = self.writes - self.unknown - self.not_executed - self.refused;
        write!(
            f,
            "{} reads; {} writes: {acknowledged} acknowledged, {} unknown, {} not executed, {} refused; {} sent again; \
             {} of {} values of the rival overwritten by a replay; longest {:.1?}",
            self.reads,
            self.writes,
            self.unknown,
            self.not_executed,
            self.refused,
            self.replays,
            self.overwritten,
            self.rivalled,
            self.longest
        )
    }
}

#[track_caller]
fn check(what: &str, outcome: &Outcome, times: usize) {
    match outcome {
        Outcome::Acknowledged(_) => assert_eq!(times, 1, "{what} was acknowledged"),
        Outcome::Unknown => assert!(times <= 1, "{what} ran {times} times"),
        Outcome::NotExecuted => assert_eq!(times, 0, "{what} was said not to be executed"),
        Outcome::Refused(code) => assert_eq!(times, 0, "{what} was refused with {code}"),
    }
}

/// What a write's answer says became of it.
pub(super) fn outcome<T: Answer>(result: Result<T, impl Into<Error>>) -> Outcome {
    match result.map_err(Into::into) {
        Ok(answer) => Outcome::Acknowledged(answer.number()),
        Err(Error::OutcomeUnknown { .. }) => Outcome::Unknown,
        Err(Error::NotExecuted(_)) => Outcome::NotExecuted,
        Err(Error::Redis(error)) => Outcome::Refused(code(&error)),
        Err(error) => panic!("a write failed with {error}"),
    }
}

fn kind(error: &Error) -> String {
    match error {
        Error::Timeout { .. } => "Timeout".into(),
        Error::NotExecuted(_) => "NotExecuted".into(),
        Error::Redis(error) => code(error),
        error => error.to_string(),
    }
}

fn code(error: &RedisError) -> String {
    error.code().map_or_else(|| error.to_string(), str::to_owned)
}

/// What the server answers to a write: nothing to speak of, or a number.
pub(super) trait Answer {
    fn number(&self) -> Option<u64>;
}

impl Answer for () {
    fn number(&self) -> Option<u64> {
        None
    }
}

impl Answer for u64 {
    fn number(&self) -> Option<u64> {
        Some(*self)
    }
}
