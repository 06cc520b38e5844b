//! The macros of swapplex. Use them through the `swapplex` crate, which re-exports them.

mod entry;

use proc_macro::TokenStream;

/// Makes an `async fn` the program's entry: runs it on a barrier-protected runtime, and ends that gracefully.
///
/// In place of `#[tokio::main]`, whose options it takes by the same names. The function's outcome is passed on, an
/// error or a panic too, when the end is done: endings have run, what was under way is settled or counted, the
/// runtime is gone.
///
/// # Options
///
/// | option | meaning | default |
/// |---|---|---|
/// | `flavor = "…"` | `multi_thread` or `current_thread` | `multi_thread` |
/// | `worker_threads = 4` | how many workers a multi-thread runtime has | `TOKIO_WORKER_THREADS`, else the machine's cores |
/// | `start_paused = true` | a current-thread runtime whose clock starts paused; needs the feature `test-util` | `false` |
/// | `name = "…"` | the runtime's name in metrics and dumps | none |
/// | `crate = "…"` | the path of the `swapplex` crate | `::swapplex` |
///
/// For other options, build a `swapplex::runtime::Runtime` and call `run` on it: the macro does nothing else.
///
/// # Examples
///
/// ```
/// #[swapplex::main(worker_threads = 2)]
/// async fn main() -> Result<(), std::num::ParseIntError> {
///     let answer = tokio::spawn(async { "42".parse::<u8>() });
///     assert_eq!(answer.await.unwrap()?, 42);
///     Ok(())
/// }
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Main, options.into(), function.into()).into()
}

/// Makes an `async fn` a test: runs it on a barrier-protected runtime of its own, and ends that gracefully.
///
/// In place of `#[tokio::test]`. The options are those of [`main`](macro@main); the default flavor is
/// `current_thread`.
///
/// # Examples
///
/// ```
/// #[swapplex::test(flavor = "multi_thread", worker_threads = 2)]
/// async fn answers() {
///     assert_eq!(tokio::spawn(async { 6 * 7 }).await.unwrap(), 42);
/// }
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, function: TokenStream) -> TokenStream {
    entry::expand(entry::Kind::Test, options.into(), function.into()).into()
}
