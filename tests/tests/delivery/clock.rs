//! Clocks that are set, and machines that sleep.
//!
//! Setting the wall clock of the machine under a test is nothing that a test may do. It need not: every decision is a
//! function of moments of the monotonic clock, which setting the other one does not touch. That is shown in three parts:
//! nothing in the crate reads the wall clock (here), decisions follow from differences between moments alone (beside
//! the debounce), and a step of the monotonic clock itself, as after a machine's sleep, costs nothing (here).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use swapplex::Client;
use swapplex_tests::RedisServer;
use tokio::time::{self, Instant};

use crate::oracle::Load;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// What reads the wall clock, in the standard library and in crates that are often used for it.
///
/// rustls does, below us, to tell whether a certificate is valid at a date; that is what the date is for.
const WALL_CLOCKS: [&str; 6] = [
    "SystemTime",
    "UNIX_EPOCH",
    "CLOCK_REALTIME",
    "chrono::",
    "OffsetDateTime",
    "Utc::now",
];

fn sources(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("the sources are there");
    let paths = entries.map(|entry| entry.expect("they can be listed").path());
    paths
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

#[test]
fn row_38_nothing_reads_the_wall_clock() {
    let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../swapplex/src"));
    assert!(sources.len() > 50, "{} files", sources.len());
    for path in sources {
        let text = fs::read_to_string(&path).expect("a source file is text");
        for clock in WALL_CLOCKS {
            assert!(!text.contains(clock), "{} mentions {clock}", path.display());
        }
    }
}

// One thread, because only there Tokio's clock can be set.
#[tokio::test]
async fn row_38_an_hour_that_passes_at_once_costs_nothing() {
    let server = RedisServer::start();
    let client = Client::open(server.url()).unwrap();
    let load = Load::full(&server);
    let mut accounts = vec![load.run(&client).await];
    for _ in 0..2 {
        let before = Instant::now();
        time::pause();
        time::advance(HOUR).await;
        time::resume();
        assert!(before.elapsed() >= HOUR);
        accounts.push(load.run(&client).await);
    }
    for account in &accounts {
        account.assert_untroubled();
        println!("{}", account.settle(&server));
    }
    let stats = client.stats();
    assert_eq!((stats.dials, stats.losses, stats.replays), (1, 0, 0));
}
