//! What must hold of the runtime, in the order in which it is promised.
//!
//! `cargo xtask sanitize` runs these and the other `runtime_*` tests under AddressSanitizer and LeakSanitizer, and these
//! again with `--no-default-features`, for the fallback that counts.
#![allow(clippy::unwrap_used, reason = "a test that can't go on stops here")]

mod canary;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use swapplex::runtime::{AsyncLocal, Builder, Context, LocalRef, Runtime};

use canary::{Bird, CANARY, Cage, Canary, PATIENCE, runtime};

/// Spawns tasks until every worker has handed out its canary.
async fn wake_all_canaries(cage: &Cage, workers: usize) {
    let until = Instant::now() + PATIENCE;
    while cage.alive() < workers {
        assert!(Instant::now() < until);
        let tasks: Vec<_> = (0..2 * workers)
            .map(|_| {
                tokio::spawn(async {
                    Bird::here().sing();
                    // Keeps this worker from doing all the work.
                    thread::sleep(Duration::from_millis(1));
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    }
}

fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    panic.downcast::<String>().map_or_else(
        |panic| (*panic.downcast::<&str>().unwrap()).to_owned(),
        |text| *text,
    )
}

// 1. No handed-out datum is destroyed while a reference to it exists; a worker's, not before all threads have arrived.

#[test]
fn an_escaped_reference_keeps_the_data_of_its_runtime() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let bird = runtime.block_on(async {
        wake_all_canaries(&cage, 2).await;
        tokio::spawn(async { Bird::here() }).await.unwrap()
    });
    drop(runtime);
    assert_eq!(cage.alive(), 2);
    bird.sing();
    let clone = bird.clone();
    drop(bird);
    clone.sing();
    assert_eq!(cage.alive(), 2);
    drop(clone);
    assert_eq!(cage.alive(), 0);
    cage.wait_until_empty();
}

#[test]
fn the_data_of_a_worker_stay_until_the_last_thread_has_arrived() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let (release, stuck) = mpsc::channel::<()>();
    let started = Arc::new(tokio::sync::Notify::new());
    runtime.block_on(async {
        wake_all_canaries(&cage, 2).await;
        tokio::task::spawn_blocking({
            let started = started.clone();
            move || {
                started.notify_one();
                stuck.recv_timeout(PATIENCE).unwrap();
            }
        });
        started.notified().await;
    });
    runtime.shutdown_timeout(Duration::from_millis(20));
    // Its workers are gone, and there is no reference, but one thread has not arrived.
    assert_eq!(cage.alive(), 2);
    release.send(()).unwrap();
    cage.wait_until_empty();
}

#[test]
fn other_thread_locals_follow_rusts_rules() {
    struct Plain(Arc<AtomicUsize>);
    impl Drop for Plain {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local!(static PLAIN: std::cell::RefCell<Option<Plain>> = const { std::cell::RefCell::new(None) });

    let cage = Cage::new();
    let dropped = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(&cage, 1);
    let bird = runtime.block_on(async {
        let dropped = dropped.clone();
        tokio::spawn(async move {
            PLAIN.set(Some(Plain(dropped)));
            Bird::here()
        })
        .await
        .unwrap()
    });
    drop(runtime);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    bird.sing();
}

#[test]
fn data_of_worker_threads_are_gone_when_the_runtime_is_dropped() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 4);
    runtime.block_on(wake_all_canaries(&cage, 4));
    assert!(cage.alive() >= 4);
    drop(runtime);
    assert_eq!(cage.alive(), 0);
    cage.wait_until_empty();
}

// 2. No guessing which threads are workers; where a reference is made chooses its cost only.

#[test]
fn references_made_anywhere_are_valid_everywhere() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let handle = runtime.handle().clone();
    let mut birds = runtime.block_on(async {
        let mut birds = vec![Bird::here()];
        birds.push(tokio::spawn(async { Bird::here() }).await.unwrap());
        birds.push(tokio::task::spawn_blocking(Bird::here).await.unwrap());
        birds.push(
            tokio::spawn(async { tokio::task::block_in_place(Bird::here) })
                .await
                .unwrap(),
        );
        birds
    });
    birds.push(thread::spawn(Bird::here).join().unwrap());
    birds.push(
        thread::spawn(move || handle.block_on(async { Bird::here() }))
            .join()
            .unwrap(),
    );
    drop(runtime);
    for bird in birds {
        let here = bird.clone();
        thread::spawn(move || bird.sing()).join().unwrap();
        here.sing();
    }
    cage.wait_until_empty();
}

// 3. No thread waits for another in a stop hook or a destructor; data of threads that come and go don't pile up.

#[test]
fn blocking_threads_end_while_the_runtime_runs_and_take_their_data_along() {
    let cage = Cage::new();
    let mut builder = Builder::new_multi_thread();
    let runtime = cage
        .adopt(&mut builder)
        .worker_threads(1)
        .thread_keep_alive(Duration::from_millis(1))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let worker = tokio::spawn(async { Bird::here() }).await.unwrap();
        for batch in 1..=10 {
            let blocking: Vec<_> = (0..4)
                .map(|_| tokio::task::spawn_blocking(|| Bird::here().sing()))
                .collect();
            for blocking in blocking {
                blocking.await.unwrap();
            }
            // The worker's canary is left, the threads' are not.
            cage.wait_until(|counts| counts.dead + 1 == counts.hatched && counts.dead >= batch);
        }
        worker.sing();
    });
    drop(runtime);
    cage.wait_until_empty();
}

#[test]
fn data_of_workers_replaced_by_block_in_place_do_not_pile_up() {
    let cage = Cage::new();
    let mut builder = Builder::new_multi_thread();
    let runtime = cage
        .adopt(&mut builder)
        .worker_threads(1)
        .thread_keep_alive(Duration::from_micros(1))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        while cage.counts().hatched < 300 {
            // Of the thread that is the worker now; another one takes its place, and this one goes.
            tokio::spawn(async {
                let bird = Bird::here();
                tokio::task::block_in_place(|| bird.sing())
            })
            .await
            .unwrap();
        }
        // 64 that are gone, and some that are going.
        cage.wait_until(|counts| counts.hatched - counts.dead < 100);
    });
    drop(runtime);
    cage.wait_until_empty_whenever();
}

#[test]
fn contexts_made_in_a_loop_do_not_pile_up() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let alive = Arc::new(AtomicUsize::new(0));
    let runtime = runtime(&Cage::new(), 1);
    runtime.block_on(async {
        let alive = alive.clone();
        tokio::spawn(async move {
            for _ in 0..10_000 {
                alive.fetch_add(1, Ordering::SeqCst);
                Context::new(Counted(alive.clone())).local_ref();
            }
            assert!(alive.load(Ordering::SeqCst) <= 1024);
        })
        .await
        .unwrap();
    });
    drop(runtime);
    assert_eq!(alive.load(Ordering::SeqCst), 0);
}

// 4. A late thread can't revive a released barrier: a unit test in the module, and in the models.

// 5. Panic-safe throughout.

#[test]
fn panics_in_destructors_and_hooks_leave_nothing_behind() {
    struct Bomb(#[expect(dead_code, reason = "kept for its drop")] Arc<()>);
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, in a destructor");
        }
    }
    thread_local!(static BOMB: std::cell::RefCell<Option<Context<Bomb>>> = const { std::cell::RefCell::new(None) });

    let cage = Cage::new();
    let counter = Arc::new(());
    let mut builder = Builder::new_multi_thread();
    let runtime = cage
        .adopt(&mut builder)
        .worker_threads(2)
        .on_thread_stop(|| panic!("on purpose, in a hook"))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let counter = counter.clone();
        tokio::spawn(async move {
            let bombs = Context::new(Bomb(counter));
            drop(bombs.local_ref());
            BOMB.set(Some(bombs));
            Bird::here().sing();
        })
        .await
        .unwrap();
    });
    drop(runtime);
    assert_eq!(Arc::strong_count(&counter), 1);
    cage.wait_until_empty();
}

#[test]
fn a_task_that_panics_with_references_leaves_nothing_behind() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(async {
        for _ in 0..8 {
            let panicked = tokio::spawn(async {
                let _bird = Bird::here();
                panic!("on purpose");
            });
            assert!(panicked.await.unwrap_err().is_panic());
        }
    });
    drop(runtime);
    assert_eq!(cage.alive(), 0);
    cage.wait_until_empty();
}

#[test]
fn a_destructor_may_ask_for_references() {
    thread_local!(static OTHER: Context<AtomicUsize> = Context::new(AtomicUsize::new(0)));
    struct Curious;
    impl Drop for Curious {
        fn drop(&mut self) {
            let other = OTHER.local_ref();
            other.clone().fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local!(static CURIOUS: Context<Curious> = Context::new(Curious));

    let runtime = runtime(&Cage::new(), 2);
    let escaped = runtime.block_on(async {
        tokio::spawn(async {
            OTHER.local_ref();
            CURIOUS.local_ref()
        })
        .await
        .unwrap()
    });
    drop(runtime);
    drop(escaped);
    assert_eq!(OTHER.local_ref().load(Ordering::SeqCst), 1);
}

// 6. Defined for all kinds of runtimes, alone and together.

#[test]
fn a_current_thread_runtime_keeps_its_data_through_a_thread_of_many_runtimes() {
    thread::spawn(|| {
        let cage = Cage::new();
        cage.adopt_thread();
        let mut birds = Vec::new();
        for _ in 0..20 {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            birds.push(runtime.run(async { tokio::spawn(async { Bird::here() }).await.unwrap() }));
        }
        // One thread, one canary.
        assert_eq!(cage.counts().hatched, 1);
        for (index, bird) in birds.iter().enumerate() {
            assert_eq!(bird.sing(), index as u64 + 1);
        }
    })
    .join()
    .unwrap();
}

#[test]
fn one_to_eight_workers_share_their_data() {
    for workers in 1..=8 {
        let cage = Cage::new();
        let runtime = runtime(&cage, workers);
        runtime.block_on(async {
            wake_all_canaries(&cage, workers).await;
            let (send, receive) = async_channel(64);
            for _ in 0..64 {
                let send = send.clone();
                tokio::spawn(async move { send.send(Bird::here()).await.unwrap() });
            }
            drop(send);
            let mut receive = receive;
            while let Some(bird) = receive.recv().await {
                tokio::spawn(async move { bird.clone().sing() }).await.unwrap();
            }
        });
        drop(runtime);
        assert_eq!(cage.alive(), 0, "{workers} workers");
        cage.wait_until_empty();
    }
}

fn async_channel(size: usize) -> (tokio::sync::mpsc::Sender<Bird>, tokio::sync::mpsc::Receiver<Bird>) {
    tokio::sync::mpsc::channel(size)
}

#[test]
fn nested_runtimes_count_for_themselves() {
    let outer_cage = Cage::new();
    let inner_cage = Cage::new();
    let outer = runtime(&outer_cage, 2);
    let inner_bird = outer.block_on({
        let inner_cage = inner_cage.clone();
        async move {
            tokio::spawn(async move {
                let outer_bird = Bird::here();
                let inner_bird = tokio::task::block_in_place(|| {
                    let inner = runtime(&inner_cage, 1);
                    inner.block_on(async {
                        outer_bird.clone().sing();
                        tokio::spawn(async move { outer_bird.sing() }).await.unwrap();
                        tokio::spawn(async { Bird::here() }).await.unwrap()
                    })
                });
                // Back in the outer one.
                Bird::here().sing();
                inner_bird
            })
            .await
            .unwrap()
        }
    });
    drop(outer);
    assert_eq!(outer_cage.alive(), 0);
    outer_cage.wait_until_empty();
    assert_eq!(inner_bird.sing(), 1);
    drop(inner_bird);
    inner_cage.wait_until_empty();
}

#[test]
fn several_runtimes_at_once_exchange_references() {
    let cages = [Cage::new(), Cage::new(), Cage::new()];
    let runtimes = cages.each_ref().map(|cage| runtime(cage, 2));
    let (send, mut receive) = async_channel(300);
    let tasks: Vec<_> = (0..300)
        .map(|index| {
            let send = send.clone();
            runtimes[index % 3].spawn(async move { send.send(Bird::here()).await.unwrap() })
        })
        .collect();
    drop(send);
    let [first, second, third] = runtimes;
    first.block_on(async {
        for task in tasks {
            task.await.unwrap();
        }
    });
    drop(second);
    let birds = first.block_on(async {
        let mut birds = Vec::new();
        while let Some(bird) = receive.recv().await {
            birds.push(bird.clone());
        }
        birds
    });
    drop(first);
    third.block_on(async {
        for bird in birds {
            tokio::spawn(async move { bird.sing() }).await.unwrap();
        }
    });
    drop(third);
    for cage in cages {
        cage.wait_until_empty();
    }
}

#[test]
fn shutdown_background_ends_in_its_own_time() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let bird = runtime.block_on(async {
        wake_all_canaries(&cage, 2).await;
        tokio::spawn(async { Bird::here() }).await.unwrap()
    });
    runtime.shutdown_background();
    bird.sing();
    drop(bird);
    cage.wait_until_empty();
}

#[test]
fn shutdown_timeout_waits_for_what_ends_in_time() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(wake_all_canaries(&cage, 2));
    runtime.shutdown_timeout(PATIENCE);
    assert_eq!(cage.alive(), 0);
    cage.wait_until_empty();
}

// 7. Sound in safe code.

#[test]
fn a_reference_in_a_static_is_valid_for_ever() {
    static KEPT: Mutex<Option<LocalRef<Canary>>> = Mutex::new(None);
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(async {
        tokio::spawn(async { *KEPT.lock().unwrap() = Some(CANARY.local_ref()) })
            .await
            .unwrap();
    });
    drop(runtime);
    assert_eq!(KEPT.lock().unwrap().as_ref().unwrap().sing(), 1);
    KEPT.lock().unwrap().take();
    cage.wait_until_empty();
}

#[test]
fn many_references_may_be_made_here_and_dropped_there() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(async {
        wake_all_canaries(&cage, 2).await;
        // More than a thread keeps to itself before it tells the others, in both directions.
        let mut birds = Vec::new();
        let canary = tokio::spawn(async { CANARY.local_ref() }).await.unwrap();
        for _ in 0..3 {
            birds.push(tokio::spawn({
                let canary = canary.clone();
                async move { vec![canary; (1 << 20) + 7] }
            }));
        }
        for made in birds {
            let made = made.await.unwrap();
            thread::spawn(move || drop(made)).join().unwrap();
        }
        let made = vec![canary; (1 << 20) + 7];
        tokio::spawn(async move { drop(made) }).await.unwrap();
    });
    drop(runtime);
    assert_eq!(cage.alive(), 0);
    cage.wait_until_empty();
}

#[test]
fn references_may_be_sent_shared_and_unwound_through() {
    fn bounds<T: Send + Sync + Clone + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {}
    bounds::<LocalRef<u8>>();
    bounds::<LocalRef<Mutex<Vec<String>>>>();
}

// 8. Dropped where it can't be.

#[test]
fn dropped_in_an_async_context_it_panics_as_tokios() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(wake_all_canaries(&cage, 2));
    let bird = runtime.block_on(async { tokio::spawn(async { Bird::here() }).await.unwrap() });

    let other = self::runtime(&Cage::new(), 1);
    let panic = other.block_on(async { tokio::spawn(async move { drop(runtime) }).await.unwrap_err() });
    let message = message(panic.into_panic());
    assert!(
        message.contains("Cannot drop a runtime in a context where blocking is not allowed"),
        "{message}"
    );

    bird.sing();
    drop(bird);
    cage.wait_until_empty();
}

#[test]
fn dropped_in_an_async_context_during_a_panic_the_barrier_still_holds() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(wake_all_canaries(&cage, 2));
    let bird = runtime.block_on(async { tokio::spawn(async { Bird::here() }).await.unwrap() });

    let other = self::runtime(&Cage::new(), 1);
    let panic = other.block_on(async {
        tokio::spawn(async move {
            let _runtime = runtime;
            panic!("on purpose");
        })
        .await
        .unwrap_err()
    });
    assert_eq!(message(panic.into_panic()), "on purpose");
    bird.sing();
    drop(bird);
    cage.wait_until_empty();
}

#[test]
fn dropped_by_one_of_its_own_threads_it_says_so() {
    for blocking in [true, false] {
        let cage = Cage::new();
        let runtime = Arc::new(runtime(&cage, 2));
        runtime.block_on(wake_all_canaries(&cage, 2));
        let handle = runtime.handle().clone();
        let (go, wait) = mpsc::channel::<()>();
        let drop_it = {
            let runtime = runtime.clone();
            move || {
                wait.recv_timeout(PATIENCE).unwrap();
                let panic = catch_unwind(AssertUnwindSafe(|| drop(runtime))).unwrap_err();
                message(panic)
            }
        };
        let task = if blocking {
            handle.spawn_blocking(drop_it)
        } else {
            handle.spawn(async move { drop_it() })
        };
        drop(runtime);
        go.send(()).unwrap();
        let observer = Builder::new_current_thread().build().unwrap();
        let message = observer.block_on(task).unwrap();
        assert!(message.contains("by one of its own threads"), "{message}");
        cage.wait_until_empty();
    }
}

#[test]
fn dropped_with_the_data_of_one_of_its_own_threads_it_does_not_wait_for_that_thread() {
    thread_local!(static KEPT: std::cell::RefCell<Option<Context<Arc<Runtime>>>> = const { std::cell::RefCell::new(None) });

    let cage = Cage::new();
    let mut builder = Builder::new_multi_thread();
    builder
        .worker_threads(1)
        .thread_keep_alive(Duration::from_millis(1))
        .enable_all();
    let runtime = Arc::new(cage.adopt(&mut builder).build().unwrap());
    runtime.block_on(async {
        wake_all_canaries(&cage, 1).await;
        let runtime = runtime.clone();
        // The thread ends after its keep-alive, and its thread-locals after its stop hook.
        tokio::task::spawn_blocking(|| KEPT.set(Some(Context::new(runtime))))
            .await
            .unwrap();
    });
    drop(runtime);
    cage.wait_until_empty();
}

#[test]
fn after_a_bounded_shutdown_the_data_live_until_the_stuck_thread_ends() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 1);
    let (release, stuck) = mpsc::channel::<()>();
    let (sang, songs) = mpsc::channel();
    let bird = runtime.block_on(async { tokio::spawn(async { Bird::here() }).await.unwrap() });
    let started = Arc::new(tokio::sync::Notify::new());
    runtime.block_on(async {
        tokio::task::spawn_blocking({
            let started = started.clone();
            move || {
                started.notify_one();
                stuck.recv_timeout(PATIENCE).unwrap();
                sang.send(bird.sing()).unwrap();
            }
        });
        started.notified().await;
    });
    runtime.shutdown_timeout(Duration::from_millis(20));
    assert_eq!(cage.alive(), 1);
    release.send(()).unwrap();
    assert_eq!(songs.recv_timeout(PATIENCE).unwrap(), 1);
    cage.wait_until_empty();
}

// The fallbacks under other runtimes.

#[test]
fn under_another_runtime_data_are_kept_or_counted() {
    let cage = Cage::new();
    let thread = thread::spawn({
        let cage = cage.clone();
        move || {
            cage.adopt_thread();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let birds: Vec<_> = (0..10)
                .map(|_| runtime.block_on(async { Bird::here() }))
                .collect();
            drop(runtime);
            birds.into_iter().last().unwrap()
        }
    });
    let bird = thread.join().unwrap();
    assert_eq!(bird.sing(), 1);
    drop(bird);
    assert_eq!(cage.counts().hatched, 1);
    assert_eq!(cage.alive(), usize::from(cfg!(feature = "leaky-context")));
}
