//! The run: runtimes, connections, rounds.

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{self, Runtime};

use super::arguments::Arguments;
use super::contestant::Contestant;
use super::data::{self, Kind};
use super::meter::Meter;
use super::progress::Progress;
use super::report;
use super::statistics::{Outcome, Record};
use crate::peers::Peers;

/// A runtime and the peers' connections on it. They stay until the end of the run.
#[derive(Clone)]
pub(crate) struct Stage {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) peers: Peers,
}

/// Where workloads may run.
#[derive(Clone)]
pub(crate) struct Stages {
    /// A multi-thread runtime with two workers.
    pub(crate) multi: Stage,
    /// A current-thread runtime.
    pub(crate) current: Stage,
    /// The private server's.
    pub(crate) url: String,
}

/// The run, to which claims add their workloads.
pub(crate) struct Bench {
    arguments: Arguments,
    stages: Stages,
    meter: Meter,
    outcomes: Vec<Outcome>,
}

impl Bench {
    pub(crate) fn new(arguments: Arguments, url: &str) -> Result<Self, Box<dyn Error>> {
        let mut server = redis::Client::open(url)?.get_connection()?;
        data::load(&mut server, Kind::Values)?;
        let mut multi = runtime::Builder::new_multi_thread();
        multi.worker_threads(2);
        let stages = Stages {
            multi: stage(&mut multi, url)?,
            current: stage(&mut runtime::Builder::new_current_thread(), url)?,
            url: url.to_owned(),
        };
        let mut meter = Meter::new(server);
        report::print_head(&format!(
            "{} on loopback, {} processors{}, {} rounds of {} ms",
            meter.server()?,
            thread::available_parallelism()?,
            load(),
            arguments.rounds(),
            arguments.turn().as_millis(),
        ));
        Ok(Self {
            arguments,
            stages,
            meter,
            outcomes: Vec::new(),
        })
    }

    /// Has the server hold keys of that kind alone from now on. At first, they are [`Kind::Values`].
    ///
    /// # Panics
    ///
    /// Where the server does not do it.
    pub(crate) fn hold(&mut self, kind: Kind) {
        let loaded = data::load(self.meter.server_connection(), kind);
        loaded.expect("the private server answers");
    }

    /// Runs a workload, if it is wanted, with everybody whom `contestants` gives.
    ///
    /// # Panics
    ///
    /// Where a contestant does not do its work: then there is nothing to compare.
    pub(crate) fn workload(&mut self, name: &str, contestants: impl FnOnce(&Stages) -> Vec<Contestant>) {
        let (rounds, turn) = (self.arguments.rounds(), self.arguments.turn());
        self.in_rounds(name, rounds, turn, contestants);
    }

    /// As [`workload`](Self::workload), in rounds of one operation each: for what takes long, and differs more from one
    /// time to the next than between contestants.
    ///
    /// # Panics
    ///
    /// As [`workload`](Self::workload).
    pub(crate) fn one_by_one(
        &mut self,
        name: &str,
        rounds: usize,
        contestants: impl FnOnce(&Stages) -> Vec<Contestant>,
    ) {
        self.in_rounds(name, rounds, Duration::ZERO, contestants);
    }

    fn in_rounds(
        &mut self,
        name: &str,
        rounds: usize,
        turn: Duration,
        contestants: impl FnOnce(&Stages) -> Vec<Contestant>,
    ) {
        if !self.arguments.want(name) {
            return;
        }
        let progress = Progress::new(name);
        progress.show("warming up");
        let mut contestants = contestants(&self.stages);
        let mut records: Vec<Record> = contestants
            .iter_mut()
            .map(|contestant| {
                (contestant.run)(self.arguments.warm_up());
                Record {
                    name: contestant.name,
                    role: contestant.role,
                    samples: Vec::new(),
                }
            })
            .collect();
        let mut order: Vec<usize> = (0..contestants.len()).collect();
        let mut random = fastrand::Rng::with_seed(0);
        for round in 0..rounds {
            progress.show(&format!("round {} of {rounds}", round + 1));
            // So that nobody always comes after the same one, and finds what that left behind.
            random.shuffle(&mut order);
            for &index in &order {
                let run = &mut contestants[index].run;
                match self.meter.meter(|| run(turn)) {
                    Ok(sample) => records[index].samples.push(sample),
                    Err(error) => panic!("{name}, {}: {error}", records[index].name),
                }
            }
        }
        drop(progress);
        let outcome = Outcome {
            workload: name.to_owned(),
            records,
        };
        report::print(&outcome);
        self.outcomes.push(outcome);
    }

    /// Writes what is left to write.
    pub(crate) fn finish(self) -> Result<(), Box<dyn Error>> {
        if self.outcomes.is_empty() {
            return Err("no workload has that in its name".into());
        }
        if let Some(file) = &self.arguments.json {
            fs::write(file, report::json(&self.outcomes)?)
                .map_err(|error| format!("cannot write {}: {error}", file.display()))?;
        }
        Ok(())
    }
}

fn stage(builder: &mut runtime::Builder, url: &str) -> Result<Stage, Box<dyn Error>> {
    let runtime = builder.enable_all().build()?;
    let peers = runtime.block_on(Peers::connect(url))?;
    Ok(Stage {
        runtime: Arc::new(runtime),
        peers,
    })
}

/// How busy the machine is before we begin, where the system tells (Linux): with others at work, throughput says
/// little, and CPU time a bit more.
fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let last_minute = text.split(' ').next().filter(|load| !load.is_empty());
    last_minute.map_or(String::new(), |load| format!(" (load average {load})"))
}
