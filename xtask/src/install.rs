//! Installing a server through the system's package manager.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::lookup;
use crate::server::ADVICE;

/// A package manager and how it is asked for a server.
struct Manager {
    program: &'static str,
    /// Run once before installing; its failure is not final, because one broken source of many fails it.
    refresh: &'static [&'static str],
    install: &'static [&'static str],
    /// Tried in this order until one installs.
    packages: &'static [&'static str],
    environment: &'static [&'static str],
    needs_root: bool,
}

const MANAGERS: [Manager; 7] = [
    Manager {
        program: "apt-get",
        refresh: &["update"],
        install: &[
            "install",
            "--yes",
            "--no-install-recommends",
            "-o",
            "DPkg::Lock::Timeout=120",
        ],
        // The packages of tools, not `redis-server`: the binary is in them, and what `redis-server` adds is a
        // service that would start at once, and at every boot, on port 6379.
        packages: &["redis-tools", "valkey-tools"],
        environment: &["DEBIAN_FRONTEND=noninteractive"],
        needs_root: true,
    },
    Manager {
        program: "dnf",
        refresh: &[],
        install: &["install", "-y", "--setopt=install_weak_deps=False"],
        packages: &["valkey", "redis"],
        environment: &[],
        needs_root: true,
    },
    Manager {
        program: "yum",
        refresh: &[],
        install: &["install", "-y"],
        packages: &["valkey", "redis"],
        environment: &[],
        needs_root: true,
    },
    Manager {
        program: "apk",
        refresh: &[],
        install: &["add", "--no-cache"],
        packages: &["redis", "valkey"],
        environment: &[],
        needs_root: true,
    },
    Manager {
        program: "pacman",
        refresh: &[],
        install: &["-Sy", "--noconfirm", "--needed"],
        packages: &["valkey", "redis"],
        environment: &[],
        needs_root: true,
    },
    Manager {
        program: "zypper",
        refresh: &[],
        install: &["--non-interactive", "install", "--no-recommends"],
        packages: &["redis", "valkey"],
        environment: &[],
        needs_root: true,
    },
    Manager {
        program: "brew",
        refresh: &[],
        install: &["install"],
        packages: &["redis", "valkey"],
        environment: &[],
        needs_root: false,
    },
];

/// Installs a server with the first package manager found in `path`, a value like that of `PATH`.
pub(crate) fn redis(path: &OsStr) -> Result<(), Failure> {
    let found = MANAGERS
        .iter()
        .find_map(|manager| Some((manager, lookup::program(manager.program, path)?)));
    let Some((manager, program)) = found else {
        return Err(Failure::Message(format!(
            "no redis-server or valkey-server on PATH, and no package manager that this knows; {ADVICE}"
        )));
    };
    let prefix = prefix(manager, path)?;
    eprintln!(
        "No redis-server or valkey-server on PATH: installing one with {}.",
        manager.program
    );

    if !manager.refresh.is_empty() && !run(manager, &program, &prefix, manager.refresh) {
        eprintln!(
            "note: the list of packages could not be brought up to date; trying with the one that is there"
        );
    }
    for package in manager.packages {
        let mut arguments = manager.install.to_vec();
        arguments.push(package);
        if run(manager, &program, &prefix, &arguments) {
            return Ok(());
        }
    }
    Err(Failure::Message(format!(
        "{} could not install {}; {ADVICE}",
        manager.program,
        manager.packages.join(" or ")
    )))
}

/// What comes before the package manager so that it runs with the rights that it needs.
fn prefix(manager: &Manager, path: &OsStr) -> Result<Vec<PathBuf>, Failure> {
    let is_root = is_root(path);
    if manager.needs_root == is_root {
        return Ok(Vec::new());
    }
    let refused = |why: &str| {
        Err(Failure::Message(format!(
            "no redis-server or valkey-server on PATH, and {} cannot install one: {why}; {ADVICE}",
            manager.program
        )))
    };
    if is_root {
        return refused("it does not run as root");
    }
    let Some(sudo) = lookup::program("sudo", path) else {
        return refused("it needs root, and there is no sudo");
    };
    let may = Command::new(&sudo)
        .args(["-n", "true"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if !may.is_ok_and(|status| status.success()) {
        return refused("it needs root, and sudo asks for a password");
    }
    Ok(vec![sudo, PathBuf::from("-n")])
}

fn is_root(path: &OsStr) -> bool {
    lookup::program("id", path)
        .and_then(|id| Command::new(id).arg("-u").output().ok())
        .is_some_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(manager: &Manager, program: &Path, prefix: &[PathBuf], arguments: &[&str]) -> bool {
    // Through `env`, because sudo drops the variables of its caller.
    let mut words: Vec<&OsStr> = prefix.iter().map(|word| word.as_os_str()).collect();
    if !manager.environment.is_empty() {
        words.push(OsStr::new("env"));
        words.extend(manager.environment.iter().map(OsStr::new));
    }
    words.push(program.as_os_str());
    words.extend(arguments.iter().map(OsStr::new));

    let line: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    eprintln!("+ {}", line.join(" "));
    let mut command = Command::new(words[0]);
    // Our own standard output is for answers, such as the path of the server.
    command
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(io::stderr());
    let status = command.status();
    match status {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("{error}");
            false
        }
    }
}
