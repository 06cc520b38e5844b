//! The figures, for people and for programs.

use std::collections::HashMap;

use tinyjson::{JsonGenerateError, JsonValue};

use super::allocations::COUNTS;
use super::contestant::Role;
use super::statistics::{Outcome, Ratios, Record, Sample};

/// The head of the table on standard output; `conditions` is what the figures depend on.
pub(super) fn print_head(conditions: &str) {
    println!("{conditions}\n");
    if COUNTS {
        println!("{:<34}{:>20}\n", "", "allocations per op");
        return;
    }
    println!("{:<82}{:>26}", "", "swapplex against this one");
    println!(
        "{:<34}{:>12}{:>8}{:>14}{:>14}{:>14}{:>12}\n",
        "", "ops/s", "spread", "client CPU/op", "server CPU/op", "throughput", "client CPU"
    );
}

/// The part of the table that belongs to one workload.
pub(super) fn print(outcome: &Outcome) {
    println!("{}", outcome.workload);
    for record in &outcome.records {
        print_record(outcome, record);
    }
    if !COUNTS && let Some(ratios) = outcome.against_best() {
        println!("  {:<32}{:48}{}", "best peer", "", against(ratios));
    }
    println!();
}

fn print_record(outcome: &Outcome, record: &Record) {
    let name = match record.role {
        Role::Reference => format!("({})", record.name),
        Role::Ours | Role::Peer => record.name.to_owned(),
    };
    if COUNTS {
        println!("  {name:<32}{:>20.3}", record.median(Sample::allocations));
        return;
    }
    let ratios = match record.role {
        Role::Ours => String::new(),
        Role::Peer | Role::Reference => outcome.ratios(record).map(against).unwrap_or_default(),
    };
    println!(
        "  {name:<32}{:>12}{:>7.0}%{:>14}{:>14}{ratios}",
        thousands(record.median(Sample::per_second)),
        record.spread() * 100.0,
        nanoseconds(record.median(Sample::client_cpu)),
        nanoseconds(record.median(Sample::server_cpu)),
    );
}

fn against(ratios: Ratios) -> String {
    format!("{:>13.2}x{:>11.2}x", ratios.throughput, ratios.client_cpu)
}

/// `1234567.8` as `1 234 568`.
fn thousands(figure: f64) -> String {
    let digits = format!("{figure:.0}");
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

fn nanoseconds(figure: f64) -> String {
    match figure {
        // Of somebody who has nothing to do.
        nothing if nothing < 0.1 => "-".to_owned(),
        small if small < 10.0 => format!("{small:.2} ns"),
        middle if middle < 1000.0 => format!("{middle:.0} ns"),
        large => format!("{:.2} µs", large / 1000.0),
    }
}

/// An array of objects: per workload one for each contestant, and one for the peer `best`.
pub(super) fn json(outcomes: &[Outcome]) -> Result<String, JsonGenerateError> {
    let rows: Vec<JsonValue> = outcomes.iter().flat_map(rows).collect();
    Ok(JsonValue::from(rows).format()? + "\n")
}

fn rows(outcome: &Outcome) -> Vec<JsonValue> {
    let mut rows = Vec::new();
    for record in &outcome.records {
        rows.push(row(outcome, record.name, record, outcome.ratios(record)));
    }
    // The figures are those of the fastest peer; `client_cpu_ratio` is against whoever takes the least CPU.
    if let (Some(best), Some(ratios)) = (outcome.best_peer(), outcome.against_best()) {
        rows.push(row(outcome, "best", best, Some(ratios)));
    }
    rows
}

fn row(outcome: &Outcome, peer: &str, record: &Record, ratios: Option<Ratios>) -> JsonValue {
    let mut row: HashMap<String, JsonValue> = HashMap::new();
    let mut put = |name: &str, value: JsonValue| row.insert(name.to_owned(), value);
    put("workload", outcome.workload.clone().into());
    put("peer", peer.to_owned().into());
    if peer == "best" {
        put("best_peer", record.name.to_owned().into());
    }
    if COUNTS {
        put(
            "allocations_per_operation",
            record.median(Sample::allocations).into(),
        );
        return row.into();
    }
    put("ops_per_second", record.median(Sample::per_second).into());
    if let Some(ours) = outcome.ours() {
        put("swapplex_ops_per_second", ours.median(Sample::per_second).into());
    }
    put(
        "client_cpu_ns_per_operation",
        record.median(Sample::client_cpu).into(),
    );
    put(
        "server_cpu_ns_per_operation",
        record.median(Sample::server_cpu).into(),
    );
    put("spread", record.spread().into());
    if let Some(ratios) = ratios {
        put("throughput_ratio", ratios.throughput.into());
        put("client_cpu_ratio", ratios.client_cpu.into());
    }
    row.into()
}

#[cfg(all(test, not(feature = "allocations")))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_program_finds_every_peer_and_the_best() {
        let record = |name, role, operations| Record {
            name,
            role,
            samples: vec![Sample {
                operations,
                elapsed: Duration::from_secs(1),
                client_cpu: Duration::from_secs(1),
                server_cpu: Duration::from_secs(1),
                allocations: 0.0,
            }],
        };
        let outcome = Outcome {
            workload: "get.spawned.64".to_owned(),
            records: vec![
                record("swapplex", Role::Ours, 400.0),
                record("fred", Role::Peer, 100.0),
                record("rustis", Role::Peer, 200.0),
            ],
        };
        let text = json(&[outcome]).unwrap();
        let JsonValue::Array(rows) = text.parse().unwrap() else {
            panic!("not an array: {text}")
        };
        let peers: Vec<_> = rows.iter().map(|row| row["peer"].clone()).collect();
        assert_eq!(
            peers,
            ["swapplex", "fred", "rustis", "best"].map(|name| JsonValue::from(name.to_owned()))
        );
        for (row, throughput, client_cpu) in [(&rows[1], 4.0, 0.25), (&rows[3], 2.0, 0.5)] {
            assert_eq!(row["workload"], "get.spawned.64".to_owned().into());
            assert_eq!(row["throughput_ratio"], throughput.into());
            assert_eq!(row["client_cpu_ratio"], client_cpu.into());
        }
        assert_eq!(rows[3]["best_peer"], "rustis".to_owned().into());
        assert_eq!(rows[3]["ops_per_second"], 200.0.into());
    }
}
