//! A histogram per worker thread, filled by tasks through references and added up at the end.
//!
//! ```text
//! cargo run --package swapplex-examples --example runtime
//! ```
//!
//! With `#[tokio::main]` in place of `#[swapplex::main]` it does the same: the histograms are then kept until the process
//! ends, or, without the feature `leaky-context`, counted reference by reference.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use swapplex::runtime::{AsyncLocal, Context, LocalRef};

/// How many operations took how long: a bucket for each power of two of microseconds.
struct Histogram {
    thread: String,
    buckets: [AtomicU64; 16],
}

/// All of them, for the report. Each thread adds its own when it first needs one.
static ALL: Mutex<Vec<LocalRef<Histogram>>> = Mutex::new(Vec::new());

thread_local! {
    static HISTOGRAM: Context<Histogram> = {
        let histogram = Context::new(Histogram::of_this_thread());
        ALL.lock().unwrap_or_else(PoisonError::into_inner).push(histogram.local_ref());
        histogram
    };
}

impl Histogram {
    fn of_this_thread() -> Self {
        let thread = format!("{:?}", std::thread::current().id());
        Self {
            thread,
            buckets: array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    /// Counters of one thread's own cache lines: nothing is contended, even if the task has moved on.
    fn record(&self, took: Duration) {
        let bucket = took.as_micros().max(1).ilog2() as usize;
        self.buckets[bucket.min(self.buckets.len() - 1)].fetch_add(1, Ordering::Relaxed);
    }
}

/// Something that awaits, so that it may end on another thread than it started on.
async fn operation(index: u64) {
    // Taken before the first await and used after it: that is what a plain thread-local can't do.
    let histogram = HISTOGRAM.local_ref();
    let started = Instant::now();
    for _ in 0..index % 8 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(Duration::from_micros(index % 2000)).await;
    histogram.record(started.elapsed());
}

#[swapplex::main]
async fn main() {
    let operations: Vec<_> = (0..10_000).map(|index| tokio::spawn(operation(index))).collect();
    for operation in operations {
        operation.await.expect("no operation panics");
    }
    report();
}

fn report() {
    // Taken out: a reference in a static would keep the histograms for ever.
    let all = std::mem::take(&mut *ALL.lock().unwrap_or_else(PoisonError::into_inner));
    let mut total = 0;
    for histogram in &all {
        println!("{}", histogram.thread);
        for (power, bucket) in histogram.buckets.iter().enumerate() {
            let count = bucket.load(Ordering::Relaxed);
            total += count;
            if count > 0 {
                println!("  from {:>6} µs: {count:>6}", 1 << power);
            }
        }
    }
    println!("{total} operations on {} threads", all.len());
}
