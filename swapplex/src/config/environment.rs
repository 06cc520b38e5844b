use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// What configuration reads from outside; a map stands in for it in tests, because setting
/// variables of a running process is unsound while other threads read them.
pub(super) trait Environment {
    fn variable(&self, name: &str) -> Option<OsString>;
    /// The names of all variables that are set, in any order.
    fn names(&self) -> Vec<String>;
    /// Refuses what is there and is no regular file.
    fn check_file(&self, path: &Path) -> io::Result<()>;
    fn file(&self, path: &Path) -> io::Result<Vec<u8>>;
}

/// The environment of this process.
pub(super) struct Process;

/// In bytes. Far above any password or URL; it keeps `/dev/zero` from filling the memory.
const FILE_LIMIT: u64 = 64 * 1024;

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<OsString> {
        std::env::var_os(name)
    }

    fn names(&self) -> Vec<String> {
        // No name that is looked for has anything but UTF-8 in it.
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect()
    }

    fn check_file(&self, path: &Path) -> io::Result<()> {
        // Of what a link leads to: a volume of Kubernetes's is full of links.
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => Err(no_regular_file()),
            _ => Ok(()),
        }
    }

    fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
        // Opening a pipe waits for somebody to write to it, and all that runs on this thread would wait as well.
        self.check_file(path)?;
        let mut content = Vec::new();
        let read = File::open(path)?.take(FILE_LIMIT + 1).read_to_end(&mut content)?;
        if read as u64 > FILE_LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "larger than 64 KiB"));
        }
        Ok(content)
    }
}

fn no_regular_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
pub(super) mod fake {
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::PathBuf;

    use super::{Environment, OsString, Path, io, no_regular_file};

    /// An environment made of maps.
    #[derive(Debug, Default)]
    pub(in crate::config) struct Fake {
        pub(in crate::config) variables: BTreeMap<String, OsString>,
        pub(in crate::config) files: BTreeMap<PathBuf, Vec<u8>>,
        pub(in crate::config) pipes: BTreeSet<PathBuf>,
    }

    impl Fake {
        pub(in crate::config) fn new<const N: usize>(variables: [(&str, &str); N]) -> Self {
            let variables = variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()));
            Self {
                variables: variables.collect(),
                ..Self::default()
            }
        }

        pub(in crate::config) fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
            self.files.insert(path.into(), content.into());
            self
        }
    }

    impl Environment for Fake {
        fn variable(&self, name: &str) -> Option<OsString> {
            self.variables.get(name).cloned()
        }

        fn names(&self) -> Vec<String> {
            self.variables.keys().cloned().collect()
        }

        fn check_file(&self, path: &Path) -> io::Result<()> {
            if self.pipes.contains(path) {
                return Err(no_regular_file());
            }
            Ok(())
        }

        fn file(&self, path: &Path) -> io::Result<Vec<u8>> {
            self.check_file(path)?;
            self.files
                .get(path)
                .cloned()
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str, content: &[u8]) -> std::path::PathBuf {
        let path = std::env::temp_dir().join(format!("swapplex-config-{}-{name}", std::process::id()));
        std::fs::write(&path, content).expect("the directory for temporary files is writable");
        path
    }

    #[test]
    fn a_file_is_read_as_it_is_at_the_time() {
        let path = scratch("rotated", b"old");
        assert_eq!(Process.file(&path).expect("just written"), b"old");
        std::fs::write(&path, b"new").expect("written before");
        assert_eq!(Process.file(&path).expect("just written"), b"new");
        std::fs::remove_file(&path).expect("written before");
        let error = Process.file(&path).expect_err("just removed");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_file_that_can_hold_no_secret_is_not_read_to_its_end() {
        let limit = usize::try_from(FILE_LIMIT).expect("a small number");
        let path = scratch("endless", &vec![b'x'; limit + 1]);
        let error = Process.file(&path).expect_err("one byte above the limit");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&path, vec![b'x'; limit]).expect("written before");
        assert_eq!(Process.file(&path).expect("at the limit").len(), limit);
        std::fs::remove_file(&path).expect("written before");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_refused_unopened() {
        use std::os::unix::fs::symlink;
        use std::os::unix::net::UnixListener;
        use std::process::Command;

        let refusal = |path: &Path| Process.file(path).expect_err("no regular file").to_string();
        let path = scratch("secret", b"secret");
        let [link, pipe, socket] = ["link", "pipe", "socket"].map(|name| path.with_extension(name));
        symlink(&path, &link).expect("the directory is writable");
        assert_eq!(Process.file(&link).expect("a link to a file"), b"secret");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        let _listener = UnixListener::bind(&socket).expect("the directory is writable");
        // The pipe comes last, since opening it would never end.
        for path in [&"/dev/null".into(), &std::env::temp_dir(), &socket, &pipe] {
            assert_eq!(refusal(path), "it is not a regular file", "{}", path.display());
        }
        std::fs::remove_file(&link).expect("just made");
        symlink(&pipe, &link).expect("the directory is writable");
        assert_eq!(refusal(&link), "it is not a regular file");
        for path in [path, link, pipe, socket] {
            std::fs::remove_file(&path).expect("just made");
        }
    }

    #[test]
    fn a_variable_of_the_process_is_seen() {
        assert!(Process.variable("PATH").is_some());
        assert!(Process.names().iter().any(|name| name == "PATH"));
        assert!(Process.variable("SWAPPLEX_SURELY_UNSET").is_none());
        assert!(Process.variable("").is_none());
        assert!(Process.variable("A=B").is_none());
    }
}
