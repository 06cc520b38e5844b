//! The models of the counting, every interleaving of them.

use crate::cargo::{self, cargo};
use crate::failure::Failure;

/// Runs the loom models, which lie beside the code that they model and are built by a package of their own.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command
        .args(["test", "--locked", "--release", "--package", "swapplex-loom"])
        .args(arguments.iter().take_while(|argument| *argument != "--"))
        // How many executions each model took is in what the tests print.
        .args(["--", "--nocapture"])
        .args(arguments.iter().skip_while(|argument| *argument != "--").skip(1));
    cargo::with_flags(&mut command, "--cfg loom", "loom")?;
    cargo::run(command)
}
