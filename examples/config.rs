//! Prints where a service with this environment would connect, which variable said so, and what is wrong with it.
//!
//! ```text
//! cargo run -p swapplex-examples --example config              # the variables that begin with REDIS_
//! cargo run -p swapplex-examples --example config -- SESSIONS CACHE
//! ```
//!
//! Secrets are not shown. It fails if an address cannot be made of what is set, so that a script, or the start of a
//! container, can check the configuration without a server. Whether there is one is what `ready()` tells.

use std::env;
use std::process::ExitCode;

use swapplex::config::explain;

const DEFAULT: &str = "redis://127.0.0.1:6379";

fn main() -> ExitCode {
    let mut prefixes: Vec<String> = env::args().skip(1).collect();
    if prefixes.is_empty() {
        prefixes.push("REDIS".to_owned());
    }
    let mut wrong = 0;
    for prefix in prefixes {
        let explanation = explain(&prefix, DEFAULT);
        println!("{explanation}\n");
        if let Some(error) = explanation.error() {
            eprintln!("{prefix}: {error}");
            wrong += 1;
        }
        if !explanation.unused().is_empty() {
            eprintln!(
                "{prefix}: set without effect: {}",
                explanation.unused().join(", ")
            );
        }
    }
    if wrong > 0 {
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
