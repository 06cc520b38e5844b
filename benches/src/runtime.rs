//! `runtime.*`: what references to a worker's data cost, and what the barrier adds to a runtime's start and stop.
//!
//! - `runtime.dereference`: reading through a `LocalRef` that is held.
//! - `runtime.local_ref`: making one, reading through it and dropping it, on a worker.
//! - `runtime.two_threads`: two workers clone, read and drop handles of one datum at the same time.
//! - `runtime.start_stop.N`: starting a runtime with N workers, 8 tasks, and stopping it; 400 rounds of one each.
//! - `runtime.state.1`, `runtime.tickets.N`: what swapplex's own way of requests would be like with references. The
//!   first is a worker's mutable state, as each request needs it; the second the handles to an outbox of the worker,
//!   64 at a time, which another worker may drop (with N = 2, about half of them are).
//!
//! With two workers, operations per second are those of both, and the CPU time has in it that they wait for each other.

use std::cell::RefCell;
use std::hint::black_box;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use swapplex::runtime::{AsyncLocal, Builder, Context, LocalRef, Runtime};

use crate::harness::{Bench, Contestant, at_once, on_workers};

thread_local! {
    static PLAIN: AtomicU64 = const { AtomicU64::new(1) };
    static SHARED: Arc<AtomicU64> = Arc::new(AtomicU64::new(1));
    static CONTEXT: Context<AtomicU64> = Context::new(AtomicU64::new(1));

    static STATE: RefCell<Vec<u64>> = RefCell::new(vec![1]);
    /// A reference may be anywhere, so what is behind it can't be a `RefCell`.
    static SHARED_STATE: Context<Mutex<Vec<u64>>> = Context::new(Mutex::new(vec![1]));
}

const ROUNDS: usize = 400;

pub(crate) fn run(bench: &mut Bench) {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .expect("the system lets us start threads");
    dereference(bench, &runtime);
    local_ref(bench, &runtime);
    two_threads(bench, &runtime);
    state(bench, &runtime);
    tickets(bench, &runtime);
    for workers in [1, 2] {
        start_stop(bench, workers);
    }
}

fn dereference(bench: &mut Bench, runtime: &Runtime) {
    let runtime = runtime.handle();
    bench.workload("runtime.dereference", |_| {
        vec![
            Contestant::ours(on_workers(runtime, 1, (), |(), turn| {
                let reference = CONTEXT.local_ref();
                for _ in 0..turn {
                    black_box(black_box(&reference).load(Ordering::Relaxed));
                }
            })),
            Contestant::reference(
                "thread-local",
                on_workers(runtime, 1, (), |(), turn| {
                    for _ in 0..turn {
                        black_box(PLAIN.with(|value| black_box(value).load(Ordering::Relaxed)));
                    }
                }),
            ),
        ]
    });
}

fn local_ref(bench: &mut Bench, runtime: &Runtime) {
    let runtime = runtime.handle();
    bench.workload("runtime.local_ref", |_| {
        vec![
            Contestant::ours(on_workers(runtime, 1, (), |(), turn| {
                for _ in 0..turn {
                    black_box(black_box(&CONTEXT.local_ref()).load(Ordering::Relaxed));
                }
            })),
            Contestant::reference(
                "Arc",
                on_workers(runtime, 1, (), |(), turn| {
                    for _ in 0..turn {
                        black_box(black_box(&SHARED.with(Arc::clone)).load(Ordering::Relaxed));
                    }
                }),
            ),
        ]
    });
}

fn two_threads(bench: &mut Bench, runtime: &Runtime) {
    bench.workload("runtime.two_threads", |_| {
        let datum = runtime.block_on(async { tokio::spawn(async { CONTEXT.local_ref() }).await });
        let datum = datum.expect("the task does not panic");
        let runtime = runtime.handle();
        vec![
            Contestant::ours(at_once(runtime, datum, |datum, turn| {
                for _ in 0..turn {
                    black_box(black_box(&datum.clone()).load(Ordering::Relaxed));
                }
            })),
            Contestant::reference(
                "Arc",
                at_once(runtime, Arc::new(AtomicU64::new(1)), |datum, turn| {
                    for _ in 0..turn {
                        black_box(black_box(&Arc::clone(datum)).load(Ordering::Relaxed));
                    }
                }),
            ),
        ]
    });
}

fn state(bench: &mut Bench, runtime: &Runtime) {
    let runtime = runtime.handle();
    bench.workload("runtime.state.1", |_| {
        vec![
            Contestant::ours(on_workers(runtime, 1, (), |(), turn| {
                for _ in 0..turn {
                    let state = SHARED_STATE.local_ref();
                    black_box(&mut *state.lock().unwrap_or_else(PoisonError::into_inner))[0] += 1;
                }
            })),
            Contestant::reference(
                "reference held, Mutex",
                on_workers(runtime, 1, (), |(), turn| {
                    let state = SHARED_STATE.local_ref();
                    for _ in 0..turn {
                        let state = black_box(&state);
                        black_box(&mut *state.lock().unwrap_or_else(PoisonError::into_inner))[0] += 1;
                    }
                }),
            ),
            Contestant::reference(
                "thread-local RefCell",
                on_workers(runtime, 1, (), |(), turn| {
                    for _ in 0..turn {
                        STATE.with(|state| black_box(&mut *state.borrow_mut())[0] += 1);
                    }
                }),
            ),
        ]
    });
}

fn tickets(bench: &mut Bench, runtime: &Runtime) {
    fn references(exchange: &mut Exchange<LocalRef<AtomicU64>>, turn: u64) {
        pass(exchange, turn, || CONTEXT.local_ref());
    }
    fn arcs(exchange: &mut Exchange<Arc<AtomicU64>>, turn: u64) {
        pass(exchange, turn, || SHARED.with(Arc::clone));
    }
    let runtime = runtime.handle();
    bench.workload("runtime.tickets.1", |_| {
        vec![
            Contestant::ours(on_workers(runtime, 1, Exchange::default(), references)),
            Contestant::reference("Arc", on_workers(runtime, 1, Exchange::default(), arcs)),
        ]
    });
    bench.workload("runtime.tickets.2", |_| {
        vec![
            Contestant::ours(at_once(runtime, Exchange::default(), references)),
            Contestant::reference("Arc", at_once(runtime, Exchange::default(), arcs)),
        ]
    });
}

/// Where the workers leave handles, for whoever comes next.
type Exchange<H> = Arc<Mutex<Vec<H>>>;

/// Makes handles and drops those that somebody has left.
fn pass<H>(exchange: &Exchange<H>, turn: u64, make: impl Fn() -> H) {
    const AT_ONCE: usize = 64;
    let mut handles = Vec::with_capacity(AT_ONCE);
    let mut done = 0;
    while done < turn {
        handles.extend((0..AT_ONCE).map(|_| make()));
        done += AT_ONCE as u64;
        mem::swap(
            &mut *exchange.lock().unwrap_or_else(PoisonError::into_inner),
            &mut handles,
        );
        handles.clear();
    }
}

fn start_stop(bench: &mut Bench, workers: usize) {
    async fn tasks() {
        let tasks = [(); 8].map(|()| tokio::spawn(async { black_box(1) }));
        for task in tasks {
            task.await.expect("the task does not panic");
        }
    }
    bench.one_by_one(&format!("runtime.start_stop.{workers}"), ROUNDS, |_| {
        vec![
            Contestant::ours(again(move || {
                let mut builder = Builder::new_multi_thread();
                let runtime = builder.worker_threads(workers).enable_all().build();
                runtime.expect("the system lets us start threads").run(tasks());
            })),
            Contestant::reference(
                "Tokio's runtime",
                again(move || {
                    let mut builder = tokio::runtime::Builder::new_multi_thread();
                    let runtime = builder.worker_threads(workers).enable_all().build();
                    runtime
                        .expect("the system lets us start threads")
                        .block_on(tasks());
                }),
            ),
        ]
    });
}

/// Once at least, and as often as the time allows.
fn again(operation: impl Fn()) -> impl FnMut(Duration) -> u64 {
    move |duration| {
        let started = Instant::now();
        let mut done = 0;
        loop {
            operation();
            done += 1;
            if started.elapsed() >= duration {
                return done;
            }
        }
    }
}
