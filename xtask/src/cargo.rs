//! The commands that hand over to cargo.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::server;

/// The cargo that runs us, so that a toolchain chosen with `cargo +name` is kept.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// Runs `command` to its end, handing on its exit code if it fails.
pub(crate) fn run(mut command: Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| {
        Failure::Message(format!(
            "cannot run {}: {error}",
            command.get_program().to_string_lossy()
        ))
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::of(status))
    }
}

/// `cargo test` over the whole workspace, or over what `arguments` choose.
pub(crate) fn test(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args(["test", "--locked"]);
    if !chooses_packages(arguments) {
        command.arg("--workspace");
    }
    let (name, value) = server::for_child()?;
    command.args(arguments).env(name, value);
    without_redis(&mut command);
    run(command)?;
    if arguments.is_empty() {
        // In a run of their own, since others test that this is refused without the feature.
        let insecure = ["-p", "swapplex-tests", "--features", "insecure", "--test", "tls"];
        test(&insecure.map(str::to_owned))?;
    }
    Ok(())
}

/// Hides what would configure a client: tests expect a machine without any.
pub(crate) fn without_redis(command: &mut Command) {
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("REDIS_")) {
        command.env_remove(name);
    }
}

/// Hides what the cargo that runs us has set, and would lead back to its toolchain.
pub(crate) fn without_toolchain(command: &mut Command) {
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
}

/// Has everything compiled with these flags, in a directory of its own so that the ordinary build stays.
pub(crate) fn with_flags(command: &mut Command, flags: &str, directory: &str) -> Result<(), Failure> {
    command
        .env("RUSTFLAGS", flags)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("CARGO_TARGET_DIR", target_directory()?.join(directory));
    Ok(())
}

/// Where this program was built into, which `cargo clean` removes.
pub(crate) fn target_directory() -> Result<PathBuf, Failure> {
    env::current_exe()
        .ok()
        .and_then(|program| Some(program.parent()?.parent()?.to_owned()))
        .ok_or_else(|| Failure::Message("cannot tell where this program is".to_owned()))
}

fn chooses_packages(arguments: &[String]) -> bool {
    let ours = arguments.iter().take_while(|argument| *argument != "--");
    ours.into_iter().any(|argument| {
        matches!(
            argument.as_str(),
            "--workspace" | "--all" | "--package" | "--manifest-path"
        ) || argument.starts_with("-p")
            || argument.starts_with("--package=")
    })
}

/// The benchmarks, in the profile of benchmarks.
pub(crate) fn bench(arguments: &[String]) -> Result<(), Failure> {
    let mut command = cargo();
    command.args([
        "run",
        "--locked",
        "--profile",
        "bench",
        "--package",
        "swapplex-benches",
        "--",
    ]);
    command.args(arguments.iter().filter(|argument| *argument != "--"));
    let (name, value) = server::for_child()?;
    command.env(name, value);
    run(command)
}

/// The demo, against the server at `REDIS_URL` if there is one.
pub(crate) fn demo(arguments: &[String]) -> Result<(), Failure> {
    if !arguments.is_empty() {
        // Not repeated: it may be a URL with a password.
        let usage = "cargo xtask demo: takes no arguments; the server's URL goes into REDIS_URL";
        return Err(Failure::Usage(usage.to_owned()));
    }
    let mut command = cargo();
    command.args([
        "run",
        "--locked",
        "--release",
        "--package",
        "swapplex-examples",
        "--example",
        "demo",
    ]);
    if env::var_os("REDIS_URL").is_none_or(|url| url.is_empty()) {
        let (name, value) = server::for_child()?;
        command.env(name, value);
    }
    run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_after_the_double_dash_is_not_ours() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(chooses_packages(&words("-p swapplex some_name")));
        assert!(chooses_packages(&words("--package=swapplex")));
        assert!(!chooses_packages(&words("some_name -- -p")));
    }
}
