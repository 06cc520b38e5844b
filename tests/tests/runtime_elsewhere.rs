//! What went wrong in the crate that had this idea first: each row of that list as a test.
#![allow(clippy::unwrap_used, reason = "a test that can't go on stops here")]
#![allow(
    clippy::async_yields_async,
    reason = "moving a future out of another one is what is tested"
)]

mod canary;

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::process::Command;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use swapplex::runtime::{Builder, Runtime};
use swapplex_tests::child;

use canary::{Bird, Cage, PATIENCE, runtime};

const HOUR: Duration = Duration::from_secs(3600);

type Song = Pin<Box<dyn Future<Output = u64> + Send>>;

/// A future that was polled once on a worker and holds a reference to that worker's data.
fn half_polled_song(runtime: &Runtime) -> Song {
    let song = async {
        let mut song: Song = Box::pin(async {
            let bird = Bird::here();
            tokio::task::yield_now().await;
            bird.sing()
        });
        poll_fn(|cx| {
            assert!(song.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        song
    };
    runtime.block_on(async { tokio::spawn(song).await.unwrap() })
}

fn finish(mut song: Song) -> u64 {
    match song.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(songs) => songs,
        Poll::Pending => panic!("a yield comes back at the second poll"),
    }
}

#[test]
fn a_future_polled_on_a_worker_is_valid_after_its_runtime_is_gone() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let song = half_polled_song(&runtime);
    drop(runtime);
    assert!(cage.alive() > 0);
    assert_eq!(finish(song), 1);
    cage.wait_until_empty();
}

#[test]
fn a_future_polled_on_a_worker_is_valid_under_a_late_handle() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    let handle = runtime.handle().clone();
    let song = half_polled_song(&runtime);
    drop(runtime);
    let entered = handle.enter();
    assert_eq!(finish(song), 1);
    drop(entered);
    cage.wait_until_empty();
}

#[test]
fn a_reference_is_valid_in_the_blocking_pool_of_another_runtime() {
    let cage = Cage::new();
    let first = runtime(&cage, 2);
    let second = runtime(&Cage::new(), 1);
    let (gone, wait_until_gone) = mpsc::channel::<()>();
    let pool = second.handle().clone();
    let song = first.block_on(async move {
        tokio::spawn(async move {
            let bird = Bird::here();
            pool.spawn_blocking(move || {
                wait_until_gone.recv_timeout(PATIENCE).unwrap();
                bird.sing()
            })
        })
        .await
        .unwrap()
    });
    drop(first);
    gone.send(()).unwrap();
    assert_eq!(second.block_on(song).unwrap(), 1);
    cage.wait_until_empty();
}

#[test]
fn a_blocking_thread_that_reaches_its_keep_alive_leaves_the_barrier_up() {
    std::thread::spawn(|| {
        let cage = Cage::new();
        cage.adopt_thread();
        let (stopped, wait_until_stopped) = mpsc::channel();
        let mut builder = Builder::new_current_thread();
        let runtime = cage
            .adopt(&mut builder)
            .thread_keep_alive(Duration::from_millis(1))
            .on_thread_stop(move || stopped.send(()).unwrap())
            .enable_all()
            .build()
            .unwrap();
        let bird = runtime.block_on(async {
            let bird = Bird::here();
            tokio::task::spawn_blocking(|| Bird::here().sing()).await.unwrap();
            wait_until_stopped.recv_timeout(PATIENCE).unwrap();
            let local = tokio::spawn(async { Bird::here() }).await.unwrap();
            assert_eq!((bird.sing(), local.sing()), (1, 2));
            bird
        });
        drop(runtime);
        assert_eq!(bird.sing(), 3);
    })
    .join()
    .unwrap();
}

#[test]
fn a_thread_that_panicked_in_block_on_can_be_used_again() {
    std::thread::spawn(|| {
        let cage = Cage::new();
        cage.adopt_thread();
        let mut kept = None;
        for round in 1..=3 {
            let runtime = Builder::new_current_thread().build().unwrap();
            let panic = catch_unwind(AssertUnwindSafe(|| {
                runtime.block_on(async {
                    kept = Some(Bird::here());
                    panic!("on purpose");
                })
            }));
            assert!(panic.is_err());
            drop(runtime);
            // Outside of any runtime now, with the reference of one that is gone.
            assert_eq!(kept.as_ref().unwrap().sing(), 2 * round - 1);
            assert_eq!(Bird::here().sing(), 2 * round);
        }
    })
    .join()
    .unwrap();
}

#[test]
fn tasks_can_use_references_around_block_in_place() {
    let cage = Cage::new();
    let runtime = runtime(&cage, 2);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                tokio::spawn(async {
                    let before = Bird::here();
                    let during = tokio::task::block_in_place(|| {
                        before.sing();
                        Bird::here()
                    });
                    tokio::task::yield_now().await;
                    let after = Bird::here();
                    before.sing() + during.sing() + after.sing()
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    drop(runtime);
    cage.wait_until_empty();
}

#[test]
fn there_may_be_more_workers_than_cores() {
    let eight = |command: &mut Command| {
        command.env("TOKIO_WORKER_THREADS", "8");
    };
    child::run(eight, || {
        let cage = Cage::new();
        let mut builder = Builder::new_multi_thread();
        let runtime = cage.adopt(&mut builder).enable_all().build().unwrap();
        assert_eq!(runtime.handle().metrics().num_workers(), 8);
        runtime.block_on(async {
            let tasks: Vec<_> = (0..64)
                .map(|_| {
                    tokio::spawn(async {
                        let bird = Bird::here();
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        bird.sing() + Bird::here().sing()
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        drop(runtime);
        cage.wait_until_empty();
    });
}

#[test]
fn tasks_can_use_references_after_an_early_spawn_blocking() {
    for _ in 0..20 {
        let cage = Cage::new();
        let runtime = runtime(&cage, 2);
        // Before the workers had a chance to start.
        let blocking: Vec<_> = (0..4)
            .map(|_| runtime.spawn_blocking(|| Bird::here().sing()))
            .collect();
        let tasks: Vec<_> = (0..200)
            .map(|_| {
                runtime.spawn(async {
                    let bird = Bird::here();
                    tokio::task::yield_now().await;
                    bird.sing()
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks.into_iter().chain(blocking) {
                task.await.unwrap();
            }
        });
        drop(runtime);
        cage.wait_until_empty();
    }
}

#[swapplex::test(start_paused = true)]
async fn start_paused_compiles_and_pauses() {
    let started = tokio::time::Instant::now();
    let really = std::time::Instant::now();
    let bird = Bird::here();
    tokio::time::sleep(HOUR).await;
    assert!(started.elapsed() >= HOUR);
    assert!(really.elapsed() < PATIENCE);
    bird.sing();
}

#[tokio::main]
async fn under_tokio_main() -> u64 {
    tokio::spawn(async {
        let bird = Bird::here();
        tokio::task::yield_now().await;
        bird.sing() + Bird::here().sing()
    })
    .await
    .unwrap()
}

#[test]
fn a_program_with_tokio_main_runs_with_the_crate_linked_in() {
    assert!(under_tokio_main() >= 2);
}
