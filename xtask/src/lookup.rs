//! Finding programs and toolchains, without asking a shell.

use std::env;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The first executable file called `name` in the directories of `path`, a value like that of `PATH`.
pub(crate) fn program(name: &str, path: &OsStr) -> Option<PathBuf> {
    env::split_paths(path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|candidate| is_executable(candidate))
}

/// Whether `file` is a file that somebody may execute.
pub(crate) fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The name of an installed toolchain whose channel (`nightly`, `1.88.0`) will do; none where there is no rustup.
pub(crate) fn toolchain(will_do: impl Fn(&str) -> bool) -> Option<String> {
    let output = Command::new("rustup")
        .args(["toolchain", "list", "--quiet"])
        .output()
        .ok()?;
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .find(|name| will_do(name.split('-').next().unwrap_or_default()))
        .map(str::to_owned)
}
