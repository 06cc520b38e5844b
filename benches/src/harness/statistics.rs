//! From the rounds' samples to figures.

use std::time::Duration;

use super::contestant::Role;

/// What one contestant did in one round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) operations: f64,
    pub(super) elapsed: Duration,
    pub(super) client_cpu: Duration,
    pub(super) server_cpu: Duration,
    pub(super) allocations: f64,
}

impl Sample {
    pub(super) fn per_second(&self) -> f64 {
        self.operations / self.elapsed.as_secs_f64()
    }

    /// In nanoseconds per operation.
    pub(super) fn client_cpu(&self) -> f64 {
        self.client_cpu.as_secs_f64() * 1e9 / self.operations
    }

    /// In nanoseconds per operation.
    pub(super) fn server_cpu(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e9 / self.operations
    }

    pub(super) fn allocations(&self) -> f64 {
        self.allocations / self.operations
    }
}

/// What one contestant did in all rounds of a workload.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) samples: Vec<Sample>,
}

impl Record {
    pub(super) fn median(&self, figure: impl Fn(&Sample) -> f64) -> f64 {
        median(self.samples.iter().map(figure).collect())
    }

    /// How far apart the fast and the slow rounds are, each a quarter of all, in parts of the median.
    pub(super) fn spread(&self) -> f64 {
        let mut rates: Vec<f64> = self.samples.iter().map(Sample::per_second).collect();
        rates.sort_by(f64::total_cmp);
        let quarter = rates.len() / 4;
        (rates[rates.len() - 1 - quarter] - rates[quarter]) / median(rates)
    }

    /// This one's figure in the other's: the median over the rounds, each compared with the same round of the other,
    /// so that a machine that slows down for a while slows down both.
    pub(super) fn ratio(&self, other: &Self, figure: impl Fn(&Sample) -> f64) -> f64 {
        let pairs = self.samples.iter().zip(&other.samples);
        median(pairs.map(|(own, other)| figure(own) / figure(other)).collect())
    }
}

/// All records of one workload.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) workload: String,
    pub(super) records: Vec<Record>,
}

/// How swapplex stands against somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratios {
    pub(super) throughput: f64,
    pub(super) client_cpu: f64,
}

impl Outcome {
    pub(super) fn ours(&self) -> Option<&Record> {
        self.records.iter().find(|record| record.role == Role::Ours)
    }

    /// swapplex against `other`.
    pub(super) fn ratios(&self, other: &Record) -> Option<Ratios> {
        let ours = self.ours()?;
        Some(Ratios {
            throughput: ours.ratio(other, Sample::per_second),
            client_cpu: ours.ratio(other, Sample::client_cpu),
        })
    }

    /// swapplex against the best peer: the fastest one, and the one that takes the least CPU, if they differ.
    pub(super) fn against_best(&self) -> Option<Ratios> {
        let peers = || self.records.iter().filter(|record| record.role == Role::Peer);
        let ratios = || peers().filter_map(|peer| self.ratios(peer));
        peers().next()?;
        self.ours()?;
        Some(Ratios {
            throughput: ratios().map(|ratios| ratios.throughput).fold(f64::MAX, f64::min),
            client_cpu: ratios().map(|ratios| ratios.client_cpu).fold(0.0, f64::max),
        })
    }

    /// The peer against whom swapplex's throughput stands worst.
    pub(super) fn best_peer(&self) -> Option<&Record> {
        let throughput = |record: &&Record| self.ratios(record).map_or(f64::MAX, |ratios| ratios.throughput);
        let peers = self.records.iter().filter(|record| record.role == Role::Peer);
        peers.min_by(|a, b| throughput(a).total_cmp(&throughput(b)))
    }
}

/// The middle one, or the mean of the middle two.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    let middle = figures.len() / 2;
    match figures.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => figures[middle],
        _ => f64::midpoint(figures[middle - 1], figures[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &'static str, role: Role, operations: &[f64]) -> Record {
        let sample = |&operations: &f64| Sample {
            operations,
            elapsed: Duration::from_secs(1),
            client_cpu: Duration::from_secs(1),
            server_cpu: Duration::ZERO,
            allocations: 0.0,
        };
        Record {
            name,
            role,
            samples: operations.iter().map(sample).collect(),
        }
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these are exact")]
    fn the_median_ignores_outliers() {
        assert_eq!(median(vec![3.0, 900.0, 1.0]), 3.0);
        assert_eq!(median(vec![4.0, 2.0]), 3.0);
    }

    #[test]
    fn ratios_compare_the_same_rounds() {
        let outcome = Outcome {
            workload: String::new(),
            records: vec![
                record("swapplex", Role::Ours, &[200.0, 20.0, 200.0]),
                record("one", Role::Peer, &[100.0, 10.0, 100.0]),
                record("two", Role::Peer, &[50.0, 5.0, 50.0]),
                record("limit", Role::Reference, &[400.0, 40.0, 400.0]),
            ],
        };
        let best = outcome.against_best().unwrap();
        assert_eq!((best.throughput, best.client_cpu), (2.0, 0.5));
        assert_eq!(outcome.best_peer().unwrap().name, "one");
    }
}
