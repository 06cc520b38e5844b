//! Every option of `#[swapplex::main]` and `#[swapplex::test]`, compiled and run.
#![allow(clippy::unwrap_used, reason = "a test that can't go on stops here")]

use std::future::Future;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

#[test]
fn main_is_multi_thread_unless_told_otherwise() {
    #[swapplex::main]
    async fn body() -> RuntimeFlavor {
        tokio::spawn(async { Handle::current().runtime_flavor() })
            .await
            .unwrap()
    }
    assert_eq!(body(), RuntimeFlavor::MultiThread);
}

#[test]
fn main_takes_a_flavor() {
    #[swapplex::main(flavor = "current_thread")]
    async fn current() -> RuntimeFlavor {
        Handle::current().runtime_flavor()
    }
    #[swapplex::main(flavor = "multi_thread")]
    async fn multi() -> RuntimeFlavor {
        Handle::current().runtime_flavor()
    }
    assert_eq!(current(), RuntimeFlavor::CurrentThread);
    assert_eq!(multi(), RuntimeFlavor::MultiThread);
}

#[test]
fn main_takes_a_number_of_workers() {
    #[swapplex::main(worker_threads = 3)]
    async fn three() -> usize {
        Handle::current().metrics().num_workers()
    }
    #[swapplex::main(flavor = "multi_thread", worker_threads = 5)]
    async fn five() -> usize {
        Handle::current().metrics().num_workers()
    }
    assert_eq!((three(), five()), (3, 5));
}

#[test]
fn main_takes_a_paused_clock() {
    const HOUR: Duration = Duration::from_secs(3600);
    #[swapplex::main(flavor = "current_thread", start_paused = true)]
    async fn paused() {
        tokio::time::sleep(HOUR).await;
    }
    #[swapplex::main(flavor = "current_thread", start_paused = false)]
    async fn running() -> bool {
        tokio::time::timeout(Duration::from_millis(1), tokio::time::sleep(HOUR))
            .await
            .is_err()
    }
    let started = Instant::now();
    paused();
    assert!(running());
    assert!(started.elapsed() < HOUR);
}

#[test]
fn main_takes_a_name() {
    #[swapplex::main(name = "kitchen")]
    async fn named() -> Option<String> {
        Handle::current().name().map(ToOwned::to_owned)
    }
    assert_eq!(named().as_deref(), Some("kitchen"));
}

mod renamed {
    pub(crate) mod deep {
        pub(crate) use swapplex as fast;
    }
}

#[test]
fn main_takes_the_path_of_the_crate() {
    #[swapplex::main(crate = "renamed::deep::fast")]
    async fn body() -> u8 {
        7
    }
    assert_eq!(body(), 7);
}

#[test]
fn main_returns_what_the_body_returns() {
    #[swapplex::main]
    async fn fails() -> Result<u8, std::num::ParseIntError> {
        let number = "x".parse::<u8>()?;
        Ok(number)
    }
    #[swapplex::main]
    async fn opaque() -> impl Iterator<Item = u8> {
        [1, 2].into_iter()
    }
    #[swapplex::main]
    async fn code() -> ExitCode {
        ExitCode::SUCCESS
    }
    #[swapplex::main]
    async fn never() -> ! {
        panic!("on purpose")
    }
    assert!(fails().is_err());
    assert_eq!(opaque().sum::<u8>(), 3);
    assert_eq!(code(), ExitCode::SUCCESS);
    assert!(catch_unwind(|| never()).is_err());
}

#[test]
fn a_function_other_than_main_may_have_arguments() {
    #[swapplex::main]
    async fn add<T: std::ops::Add<Output = T> + Copy>(left: &T, right: T) -> T {
        *left + right
    }
    assert_eq!(add(&1, 2), 3);
}

#[test]
fn attributes_of_the_body_are_kept() {
    #[swapplex::main]
    async fn body() {
        #![deny(unused_variables)]
        /// Kept, too.
        fn nothing() {}
        nothing();
    }
    body();
}

/// A body's locals are not the macro's.
#[test]
fn names_of_the_expansion_do_not_clash() {
    #[swapplex::main]
    async fn run(body: u8) -> u8 {
        let builder = body;
        builder + body
    }
    assert_eq!(run(2), 4);
}

#[swapplex::test]
async fn a_test_is_current_thread_unless_told_otherwise() {
    assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
}

#[swapplex::test(
    flavor = "multi_thread",
    worker_threads = 2,
    name = "kitchen",
    crate = "swapplex"
)]
async fn a_test_takes_all_options_of_a_multi_thread_runtime() {
    assert_eq!(Handle::current().metrics().num_workers(), 2);
    assert_eq!(Handle::current().name(), Some("kitchen"));
}

#[swapplex::test(flavor = "current_thread", start_paused = true)]
async fn a_test_takes_a_paused_clock() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

#[swapplex::test]
async fn a_test_may_return_a_result() -> Result<(), Box<dyn std::error::Error>> {
    let answer: u8 = "42".parse()?;
    assert_eq!(answer, 42);
    Ok(())
}

#[swapplex::test]
#[should_panic(expected = "on purpose")]
async fn a_test_may_be_expected_to_panic() {
    panic!("on purpose");
}

#[swapplex::test]
#[ignore = "that is what is tested"]
async fn a_test_may_be_ignored() {
    unreachable!();
}

// What users of the idea wrote so far.

#[test]
fn tokio_main_with_our_crate_builds_a_protected_runtime() {
    #[tokio::main(crate = "swapplex")]
    async fn body() -> bool {
        swapplex::runtime::on_end(|| async {}).is_ok()
    }
    #[tokio::main(crate = "swapplex", flavor = "current_thread", start_paused = true)]
    async fn current() -> bool {
        swapplex::runtime::on_end(|| async {}).is_ok()
    }
    assert!(body());
    assert!(current());
}

#[tokio::test(crate = "swapplex", flavor = "multi_thread", worker_threads = 1)]
async fn tokio_test_with_our_crate_builds_a_protected_runtime() {
    assert!(swapplex::runtime::on_end(|| async {}).is_ok());
}

#[test]
fn methods_of_all_types_are_not_in_the_way() {
    #[allow(dead_code, reason = "what is here is in the way")]
    trait Fluent: Sized {
        fn enable_all(self) {}
        fn worker_threads(self, _: usize) {}
        fn start_paused(self, _: bool) {}
        fn name(self, _: &str) {}
        fn build(self) {}
        fn expect(self, _: &str) {}
        fn run<F>(self, _: F) {}
    }
    impl<T> Fluent for T {}

    #[swapplex::main(worker_threads = 1, name = "fluent")]
    async fn multi() -> bool {
        true
    }
    #[swapplex::main(flavor = "current_thread", start_paused = true)]
    async fn current() -> bool {
        true
    }
    assert!(multi() && current());
}

#[test]
fn the_body_may_hold_what_cannot_be_sent() {
    fn is_future<F: Future>(future: F) -> F {
        future
    }
    #[swapplex::main]
    async fn body() -> usize {
        let local = std::rc::Rc::new(1);
        is_future(async {}).await;
        std::rc::Rc::strong_count(&local)
    }
    assert_eq!(body(), 1);
}
