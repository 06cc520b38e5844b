//! The command line.

use std::path::PathBuf;
use std::time::Duration;

/// What the command line asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    filters: Vec<String>,
    pub(crate) json: Option<PathBuf>,
    pub(crate) quick: bool,
    pub(crate) help: bool,
}

impl Arguments {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => parsed.quick = true,
                "--help" | "-h" => parsed.help = true,
                "--json" => {
                    let file = words.next().ok_or("--json needs the name of a file")?;
                    parsed.json = Some(file.into());
                }
                _ if word.starts_with("--json=") => {
                    parsed.json = Some(word.trim_start_matches("--json=").into());
                }
                _ if word.starts_with('-') => return Err(format!("there is no option {word}; see --help")),
                _ => parsed.filters.push(word),
            }
        }
        Ok(parsed)
    }

    /// Whether a workload of this name is wanted.
    pub(crate) fn want(&self, workload: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| workload.contains(filter))
    }

    /// Many and short, since a machine that others use changes its pace from one moment to the next: the contestants of a
    /// round find the more alike, and a bad moment spoils one round of many.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 15 } else { 25 }
    }

    /// How long each contestant works in a round.
    pub(crate) fn turn(&self) -> Duration {
        Duration::from_millis(if self.quick { 20 } else { 100 })
    }

    /// How long each contestant works before the first round: buffers grow, lazy connections are made.
    pub(crate) fn warm_up(&self) -> Duration {
        self.turn()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_may_stand_before_and_after_the_filter() {
        assert_eq!(
            parse("--quick get.spawned --json out.json"),
            parse("get.spawned --json=out.json --quick")
        );
        assert!(parse("--json").is_err());
        assert!(parse("--fast").is_err());
    }

    #[test]
    fn a_filter_is_part_of_a_name() {
        let arguments = parse("get.spawned acquire").unwrap();
        assert!(arguments.want("get.spawned.64") && arguments.want("acquire.1"));
        assert!(!arguments.want("set.spawned.64"));
        assert!(parse("").unwrap().want("anything"));
    }
}
