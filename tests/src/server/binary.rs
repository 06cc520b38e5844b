//! Which server binary to run.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const VARIABLE: &str = "SWAPPLEX_REDIS_SERVER";

#[derive(Clone, Debug)]
pub(super) struct Binary {
    pub(super) path: PathBuf,
    pub(super) major: u32,
}

impl Binary {
    /// The one that `SWAPPLEX_REDIS_SERVER` names, else the first on `PATH`.
    pub(super) fn find() -> Result<Self, String> {
        static FOUND: OnceLock<Result<Binary, String>> = OnceLock::new();
        FOUND.get_or_init(search).clone()
    }
}

fn search() -> Result<Binary, String> {
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        let shown = path.display().to_string();
        return ask(path).ok_or_else(|| format!("{VARIABLE}={shown} is not a redis-server or valkey-server"));
    }
    ["redis-server", "valkey-server"].into_iter().find_map(|name| ask(PathBuf::from(name))).ok_or_else(|| {
        format!("no redis-server or valkey-server on PATH: run `cargo xtask test`, which finds or installs one, or set {VARIABLE}")
    })
}

fn ask(path: PathBuf) -> Option<Binary> {
    let output = Command::new(&path)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, version) = text.split_once("server v=")?;
    let major = version.split('.').next()?.parse().ok()?;
    Some(Binary { path, major })
}
