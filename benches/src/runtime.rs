//! `runtime.*`: what references to a worker's data cost, and what the barrier adds to a runtime's start and stop.
//!
//! Each figure is the median of many short measurements, and what is compared is measured in turns.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use swapplex::runtime::{AsyncLocal, Builder, Context, LocalRef};

/// One measured figure.
pub(crate) struct Figure {
    /// The claim's name, `runtime.…`.
    pub(crate) name: String,
    /// Nanoseconds for one operation.
    pub(crate) nanoseconds: f64,
}

thread_local! {
    static PLAIN: AtomicU64 = const { AtomicU64::new(1) };
    static CONTEXT: Context<AtomicU64> = Context::new(AtomicU64::new(1));
    static SHARED: Arc<AtomicU64> = Arc::new(AtomicU64::new(1));
}

const OPERATIONS: u32 = 1_000_000;
const SAMPLES: usize = 51;
const ROUNDS: usize = 400;

/// Measures everything.
pub(crate) fn run() -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut note = |name: &str, nanoseconds: f64| {
        figures.push(Figure {
            name: format!("runtime.{name}"),
            nanoseconds,
        });
    };

    let (plain, reference) = on_a_worker(|| {
        let reference = CONTEXT.local_ref();
        interleaved(
            || PLAIN.with(|value| black_box(value).load(Ordering::Relaxed)),
            || black_box(&reference).load(Ordering::Relaxed),
        )
    });
    note("dereference/thread-local", plain);
    note("dereference/reference", reference);

    let (arc, reference) = on_a_worker(|| {
        interleaved(
            || black_box(&SHARED.with(Arc::clone)).load(Ordering::Relaxed),
            || black_box(&CONTEXT.local_ref()).load(Ordering::Relaxed),
        )
    });
    note("make-use-drop/arc", arc);
    note("make-use-drop/reference", reference);

    let (arc, reference) = two_threads();
    note("two-threads/arc", arc);
    note("two-threads/reference", reference);

    for workers in [1, 2] {
        let (tokio, swapplex) = start_and_stop(workers);
        note(&format!("start-and-stop/{workers}/tokio"), tokio);
        note(&format!("start-and-stop/{workers}/swapplex"), swapplex);
    }
    figures
}

fn on_a_worker<R: Send + 'static>(measure: impl FnOnce() -> R + Send + 'static) -> R {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .expect("a runtime");
    runtime.run(async { tokio::spawn(async { measure() }).await.expect("no panic") })
}

/// The median time of one call of each.
fn interleaved(mut first: impl FnMut() -> u64, mut second: impl FnMut() -> u64) -> (f64, f64) {
    let mut samples = (Vec::new(), Vec::new());
    for _ in 0..SAMPLES {
        samples.0.push(timed(&mut first));
        samples.1.push(timed(&mut second));
    }
    (
        per_operation(median(samples.0), OPERATIONS),
        per_operation(median(samples.1), OPERATIONS),
    )
}

#[inline]
fn timed(mut operation: impl FnMut() -> u64) -> Duration {
    let started = Instant::now();
    for _ in 0..OPERATIONS {
        black_box(operation());
    }
    started.elapsed()
}

/// Two workers clone, use and drop references to one datum.
fn two_threads() -> (f64, f64) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("a runtime");
    runtime.run(async {
        let (mut arcs, mut references) = (Vec::new(), Vec::new());
        let arc = Arc::new(AtomicU64::new(1));
        let reference = tokio::spawn(async { CONTEXT.local_ref() })
            .await
            .expect("no panic");
        for _ in 0..SAMPLES {
            arcs.push(in_pairs(&arc).await);
            references.push(in_pairs::<LocalRef<AtomicU64>>(&reference).await);
        }
        (
            per_operation(median(arcs), OPERATIONS),
            per_operation(median(references), OPERATIONS),
        )
    })
}

async fn in_pairs<H>(handle: &H) -> Duration
where
    H: std::ops::Deref<Target = AtomicU64> + Clone + Send + 'static,
{
    let waiting = Arc::new(AtomicUsize::new(2));
    let threads = [(); 2].map(|()| {
        let (handle, waiting) = (handle.clone(), waiting.clone());
        tokio::spawn(async move {
            // Spinning, so that both are really running when it starts.
            waiting.fetch_sub(1, Ordering::Relaxed);
            while waiting.load(Ordering::Relaxed) > 0 {
                std::hint::spin_loop();
            }
            timed(|| black_box(&handle.clone()).load(Ordering::Relaxed))
        })
    });
    let mut slower = Duration::ZERO;
    for thread in threads {
        slower = slower.max(thread.await.expect("no panic"));
    }
    slower
}

/// Start, 8 tasks, stop: Tokio's runtime and this one, in turns.
fn start_and_stop(workers: usize) -> (f64, f64) {
    async fn tasks() {
        let tasks = [(); 8].map(|()| tokio::spawn(async { black_box(1) }));
        for task in tasks {
            task.await.expect("no panic");
        }
    }
    let (mut plain, mut guarded) = (Vec::new(), Vec::new());
    for round in 0..2 * ROUNDS {
        let started = Instant::now();
        if (round + round / 2) % 2 == 0 {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            let runtime = builder
                .worker_threads(workers)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(tasks());
            drop(runtime);
            plain.push(started.elapsed());
        } else {
            let mut builder = Builder::new_multi_thread();
            builder
                .worker_threads(workers)
                .enable_all()
                .build()
                .expect("a runtime")
                .run(tasks());
            guarded.push(started.elapsed());
        }
    }
    (per_operation(median(plain), 1), per_operation(median(guarded), 1))
}

fn median(mut samples: Vec<Duration>) -> Duration {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

fn per_operation(time: Duration, operations: u32) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(operations)
}
