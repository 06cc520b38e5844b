//! The server that demo, tests and benchmarks run against.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo;
use crate::failure::Failure;
use crate::install;
use crate::lookup;

/// Names the server's binary, for us and for the programs that we start.
pub(crate) const VARIABLE: &str = "SWAPPLEX_REDIS_SERVER";

const NAMES: [&str; 2] = ["redis-server", "valkey-server"];

/// The same binary as the server under another name: it looks at the name by which it is called. Debian's
/// packages of tools have it under this name only.
const CHECKERS: [(&str, &str); 2] = [
    ("redis-check-rdb", "redis-server"),
    ("valkey-check-rdb", "valkey-server"),
];

/// What to say wherever there is no way on without a person.
pub(crate) const ADVICE: &str = "install Redis 6.2 or later, or Valkey 7.2 or later (Debian, Ubuntu: \
    `apt-get install redis-server`; Fedora: `dnf install valkey`; Alpine: `apk add redis`; Arch: `pacman -S valkey`; \
    macOS: `brew install redis`), or set SWAPPLEX_REDIS_SERVER to the path of a redis-server or valkey-server";

/// The path of a server that runs and is new enough, installing one where there is none.
pub(crate) fn find_or_install() -> Result<PathBuf, Failure> {
    if let Some(chosen) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        return chosen_by_variable(&chosen);
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let links = links()?;
    if let Some(found) = find(&path, &links)? {
        return Ok(found);
    }
    install::redis(&path)?;
    find(&path, &links)?.ok_or_else(|| {
        Failure::Message(format!(
            "no redis-server or valkey-server on PATH even after the installation; {ADVICE}"
        ))
    })
}

fn chosen_by_variable(value: &OsStr) -> Result<PathBuf, Failure> {
    let chosen = PathBuf::from(value);
    let given = format!("{VARIABLE}={}", chosen.display());
    if !lookup::is_executable(&chosen) {
        return Err(Failure::Message(format!("{given}: not an executable file")));
    }
    match version(&chosen) {
        Some(version) if version.is_supported() => fs::canonicalize(
            chosen
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new(".")),
        )
        .ok()
        .zip(chosen.file_name())
        .map(|(directory, name)| directory.join(name))
        .ok_or_else(|| Failure::Message(format!("{given}: its directory cannot be read"))),
        Some(version) => Err(Failure::Message(format!(
            "{given}: {version} is too old; {ADVICE}"
        ))),
        None => Err(Failure::Message(format!(
            "{given}: does not answer `--version` as a Redis or Valkey server does"
        ))),
    }
}

/// Looks along `path`; a server that goes by another name gets a link with the right one in `links`.
fn find(path: &OsStr, links: &Path) -> Result<Option<PathBuf>, Failure> {
    let mut too_old = None;
    for name in NAMES {
        if let Some(found) = lookup::program(name, path) {
            match version(&found) {
                Some(version) if version.is_supported() => return Ok(Some(found)),
                Some(version) => too_old = Some((found, version)),
                None => eprintln!("note: {} does not run; looking on", found.display()),
            }
        }
    }
    for (checker, name) in CHECKERS {
        if let Some(found) = lookup::program(checker, path) {
            let link = link(&found, links, name).map_err(|error| {
                Failure::Message(format!(
                    "cannot make a link to {} in {}: {error}",
                    found.display(),
                    links.display()
                ))
            })?;
            if version(&link).is_some_and(|version| version.is_supported()) {
                return Ok(Some(link));
            }
        }
    }
    match too_old {
        Some((found, version)) => Err(Failure::Message(format!(
            "{} is {version}, which is too old; {ADVICE}",
            found.display()
        ))),
        None => Ok(None),
    }
}

/// Where links go.
fn links() -> Result<PathBuf, Failure> {
    Ok(cargo::target_directory()?.join("xtask"))
}

fn link(to: &Path, directory: &Path, name: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(directory)?;
    let link = directory.join(name);
    if fs::read_link(&link).is_ok_and(|target| target == to) {
        return Ok(link);
    }
    // Made aside and renamed: another run may be using the link at this moment.
    let aside = directory.join(format!("{name}.{}", std::process::id()));
    std::os::unix::fs::symlink(to, &aside)?;
    fs::rename(&aside, &link)?;
    Ok(link)
}

#[derive(Debug, PartialEq, Eq)]
struct Version {
    product: String,
    major: u32,
    minor: u32,
}

impl Version {
    fn parse(text: &str) -> Option<Self> {
        let (product, rest) = text.split_once(" server v=")?;
        let mut parts = rest.split(|c: char| !c.is_ascii_digit());
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Self {
            product: product.trim().to_owned(),
            major,
            minor,
        })
    }

    fn is_supported(&self) -> bool {
        (self.major, self.minor) >= if self.product == "Valkey" { (7, 2) } else { (6, 2) }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}.{}", self.product, self.major, self.minor)
    }
}

fn version(server: &Path) -> Option<Version> {
    let output = Command::new(server)
        .arg("--version")
        .stdin(Stdio::null())
        .output()
        .ok()?;
    Version::parse(&String::from_utf8_lossy(&output.stdout))
}

/// The environment variable for a child, with the server in it.
pub(crate) fn for_child() -> Result<(&'static str, OsString), Failure> {
    Ok((VARIABLE, find_or_install()?.into_os_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_both_products() {
        let redis =
            Version::parse("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64").unwrap();
        assert_eq!(redis.to_string(), "Redis 7.0");
        assert!(redis.is_supported());
        assert!(
            Version::parse("Valkey server v=8.1.1 sha=0:0")
                .unwrap()
                .is_supported()
        );
        assert!(Version::parse("Redis server v=6.2.0").unwrap().is_supported());
        assert!(
            !Version::parse("Redis server v=5.0.7 sha=0:0")
                .unwrap()
                .is_supported()
        );
        assert_eq!(Version::parse("redis-check-rdb 7.0.15"), None);
    }

    /// A directory of fake programs, removed when dropped.
    struct Programs(PathBuf);

    impl Programs {
        fn new(test: &str) -> Self {
            let directory = env::temp_dir().join(format!("swapplex-xtask-{}-{test}", std::process::id()));
            fs::create_dir_all(&directory).unwrap();
            Self(directory)
        }

        fn add(&self, name: &str, script: &str) {
            use std::os::unix::fs::PermissionsExt;
            // Through a shell of its own: a file written by this process and run by it at once can be "busy",
            // because another thread's child may hold it open for a moment.
            let made = Command::new("sh")
                .args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1\"", "sh"])
                .args([self.0.join(name).as_os_str(), OsStr::new(script)])
                .status();
            assert!(made.unwrap().success());
            fs::set_permissions(self.0.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }

        fn path(&self) -> &OsStr {
            self.0.as_os_str()
        }

        fn find(&self) -> Result<Option<PathBuf>, Failure> {
            find(self.path(), &self.0.join("links"))
        }
    }

    impl Drop for Programs {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_server_on_the_path_is_found_under_either_name() {
        let programs = Programs::new("either-name");
        assert_eq!(programs.find().unwrap(), None);
        programs.add("valkey-server", "echo 'Valkey server v=8.1.1 sha=0:0'");
        assert_eq!(programs.find().unwrap(), Some(programs.0.join("valkey-server")));
    }

    #[test]
    fn a_checker_that_is_the_server_is_used_under_the_right_name() {
        let programs = Programs::new("checker");
        programs.add(
            "redis-check-rdb",
            "case $0 in *redis-server) echo 'Redis server v=7.0.15' ;; *) echo 'redis-check-rdb 7.0.15' ;; esac",
        );
        assert_eq!(
            programs.find().unwrap(),
            Some(programs.0.join("links/redis-server"))
        );
        assert_eq!(
            programs.find().unwrap(),
            Some(programs.0.join("links/redis-server"))
        );
    }

    #[test]
    fn a_server_that_is_too_old_is_an_error_that_says_so() {
        let programs = Programs::new("too-old");
        programs.add("redis-server", "echo 'Redis server v=5.0.7'");
        let Err(Failure::Message(text)) = programs.find() else {
            panic!("accepted")
        };
        assert!(
            text.contains("Redis 5.0") && text.contains("6.2 or later"),
            "{text}"
        );
    }

    #[test]
    fn what_is_missing_is_installed_with_the_package_manager_on_the_path() {
        let programs = Programs::new("install");
        let directory = programs.0.display();
        programs.add("id", "echo 0");
        programs.add(
            "apt-get",
            &format!(
                "echo \"$DEBIAN_FRONTEND $*\" >>{directory}/log\n\
                 case \"$*\" in\n\
                 update) exit 1 ;;\n\
                 *redis-tools) exit 100 ;;\n\
                 *) cp {directory}/server {directory}/valkey-server ;;\n\
                 esac"
            ),
        );
        programs.add("server", "echo 'Valkey server v=8.1.1 sha=0:0'");
        install::redis(programs.path()).unwrap();
        assert_eq!(programs.find().unwrap(), Some(programs.0.join("valkey-server")));

        let install = "noninteractive install --yes --no-install-recommends -o DPkg::Lock::Timeout=120";
        assert_eq!(
            fs::read_to_string(programs.0.join("log")).unwrap(),
            format!("noninteractive update\n{install} redis-tools\n{install} valkey-tools\n")
        );
    }

    #[test]
    fn without_root_the_package_manager_runs_through_sudo_or_not_at_all() {
        let programs = Programs::new("sudo");
        let directory = programs.0.display();
        programs.add("id", "echo 1000");
        programs.add("dnf", &format!("echo \"$*\" >>{directory}/log"));
        let Err(Failure::Message(text)) = install::redis(programs.path()) else {
            panic!("installed")
        };
        assert!(
            text.contains("no sudo") && text.contains("6.2 or later"),
            "{text}"
        );

        programs.add("sudo", "exit 1");
        let Err(Failure::Message(text)) = install::redis(programs.path()) else {
            panic!("installed")
        };
        assert!(text.contains("asks for a password"), "{text}");
        assert!(!programs.0.join("log").exists());

        programs.add(
            "sudo",
            &format!("echo \"sudo $*\" >>{directory}/log; shift; exec \"$@\""),
        );
        install::redis(programs.path()).unwrap();
        assert_eq!(
            fs::read_to_string(programs.0.join("log")).unwrap(),
            format!(
                "sudo -n true\nsudo -n {directory}/dnf install -y --setopt=install_weak_deps=False valkey\n\
                 install -y --setopt=install_weak_deps=False valkey\n"
            )
        );
    }

    #[test]
    fn without_a_package_manager_the_error_says_what_to_install() {
        let programs = Programs::new("nothing");
        let Err(Failure::Message(text)) = install::redis(programs.path()) else {
            panic!("installed")
        };
        assert!(
            text.contains("no package manager") && text.contains("6.2 or later"),
            "{text}"
        );
    }
}
