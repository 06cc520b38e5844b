//! Whether the published crates still compile with the oldest Rust that they promise.

use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};

use tinyjson::JsonValue;

use crate::cargo::{self, cargo};
use crate::failure::Failure;
use crate::lookup;

const PUBLISHED: [&str; 2] = ["swapplex", "swapplex-macros"];

type Object = HashMap<String, JsonValue>;

/// Compiles with the promised toolchain where it is installed; where it is not, checks what dependencies declare.
///
/// Without that toolchain, what our own code uses of the standard library is for clippy's `incompatible_msrv`.
pub(crate) fn check() -> Result<(), Failure> {
    let metadata = metadata()?;
    let graph = Graph::of(&metadata).ok_or_else(|| unreadable("its shape is not the one expected"))?;
    let promised = graph
        .promised()
        .ok_or_else(|| unreadable("the published crates declare no rust-version"))?;

    let too_new = graph.too_new(promised);
    if !too_new.is_empty() {
        return Err(Failure::Message(format!(
            "rust-version is {promised}, but these dependencies ask for more:\n  {}",
            too_new.join("\n  ")
        )));
    }
    if let Some(toolchain) = toolchain(promised) {
        return compile(&toolchain);
    }
    eprintln!(
        "note: toolchain {promised} is not installed (`rustup toolchain install {promised} --profile minimal`); checked \
         instead that none of {} dependencies declares a higher rust-version",
        graph.reached.len() - PUBLISHED.len()
    );
    Ok(())
}

fn unreadable(why: &str) -> Failure {
    Failure::Message(format!("cannot make sense of `cargo metadata`: {why}"))
}

fn metadata() -> Result<JsonValue, Failure> {
    let mut command = cargo();
    command
        .args(["metadata", "--format-version", "1", "--locked", "--all-features"])
        .stderr(Stdio::inherit());
    let output = command.output().map_err(|error| unreadable(&error.to_string()))?;
    if !output.status.success() {
        return Err(Failure::of(output.status));
    }
    String::from_utf8(output.stdout)
        .map_err(|error| unreadable(&error.to_string()))?
        .parse()
        .map_err(|error: tinyjson::JsonParseError| unreadable(&error.to_string()))
}

/// The published crates and all that is compiled with them.
struct Graph<'a> {
    packages: HashMap<&'a str, &'a Object>,
    reached: HashSet<&'a str>,
}

impl<'a> Graph<'a> {
    fn of(metadata: &'a JsonValue) -> Option<Self> {
        let metadata = object(metadata)?;
        let packages = by_id(metadata.get("packages")?)?;
        let nodes = by_id(object(metadata.get("resolve")?)?.get("nodes")?)?;

        let mut waiting: Vec<&str> = packages
            .iter()
            .filter(|(_, package)| is_published(package))
            .map(|(id, _)| *id)
            .collect();
        let mut reached = HashSet::new();
        while let Some(id) = waiting.pop() {
            if !reached.insert(id) {
                continue;
            }
            for dependency in array(nodes.get(id)?.get("deps")?)? {
                let dependency = object(dependency)?;
                if is_compiled_with(dependency)? {
                    waiting.push(text(dependency.get("pkg")?)?);
                }
            }
        }
        Some(Self { packages, reached })
    }

    fn promised(&self) -> Option<&'a str> {
        let published = self.packages.values().find(|package| is_published(package))?;
        text(published.get("rust_version")?)
    }

    fn too_new(&self, promised: &str) -> Vec<String> {
        let promised = numbers(promised);
        let mut too_new: Vec<String> = self
            .reached
            .iter()
            .filter_map(|id| {
                let package = self.packages.get(id)?;
                let wanted = text(package.get("rust_version")?)?;
                let (name, version) = (text(package.get("name")?)?, text(package.get("version")?)?);
                (numbers(wanted) > promised).then(|| format!("{name} {version} asks for {wanted}"))
            })
            .collect();
        too_new.sort();
        too_new
    }
}

fn is_published(package: &Object) -> bool {
    let name = package.get("name").and_then(text);
    // A published crate of ours has no source: it is a path in the workspace.
    name.is_some_and(|name| PUBLISHED.contains(&name)) && package.get("source").is_none_or(JsonValue::is_null)
}

/// Whether a dependency is more than one for tests.
fn is_compiled_with(dependency: &Object) -> Option<bool> {
    let kinds = array(dependency.get("dep_kinds")?)?;
    Some(
        kinds
            .iter()
            .filter_map(object)
            .any(|kind| kind.get("kind").and_then(text) != Some("dev")),
    )
}

fn by_id(list: &JsonValue) -> Option<HashMap<&str, &Object>> {
    array(list)?
        .iter()
        .map(|item| {
            let item = object(item)?;
            Some((text(item.get("id")?)?, item))
        })
        .collect()
}

fn object(value: &JsonValue) -> Option<&Object> {
    value.get()
}

fn array(value: &JsonValue) -> Option<&Vec<JsonValue>> {
    value.get()
}

fn text(value: &JsonValue) -> Option<&str> {
    value.get::<String>().map(String::as_str)
}

/// A version for comparing: `1.88` is `1.88.0`.
fn numbers(version: &str) -> [u32; 3] {
    let mut parts = version.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| parts.next().unwrap_or(0))
}

/// The name of an installed toolchain of version `promised`.
fn toolchain(promised: &str) -> Option<String> {
    lookup::toolchain(|channel| {
        channel.starts_with(|c: char| c.is_ascii_digit()) && numbers(channel)[..2] == numbers(promised)[..2]
    })
}

fn compile(toolchain: &str) -> Result<(), Failure> {
    eprintln!("compiling the published crates with {toolchain}");
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo", "check", "--locked"]);
    for name in PUBLISHED {
        command.args(["--package", name]);
    }
    cargo::without_toolchain(&mut command);
    cargo::run(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("1.100") > numbers("1.88"));
        assert_eq!(numbers("1.88"), numbers("1.88.0"));
        assert!(numbers("1.88.1") > numbers("1.88"));
    }

    #[test]
    fn a_newer_dependency_is_named_and_one_for_tests_is_not() {
        let metadata: JsonValue = r#"{
            "packages": [
                {"id": "a", "name": "swapplex", "version": "0.1.0", "rust_version": "1.88", "source": null},
                {"id": "b", "name": "new", "version": "2.0.0", "rust_version": "1.90", "source": "registry"},
                {"id": "c", "name": "newer", "version": "3.0.0", "rust_version": "1.95", "source": "registry"}
            ],
            "resolve": {"nodes": [
                {"id": "a", "deps": [
                    {"pkg": "b", "dep_kinds": [{"kind": null}]},
                    {"pkg": "c", "dep_kinds": [{"kind": "dev"}]}
                ]},
                {"id": "b", "deps": []},
                {"id": "c", "deps": []}
            ]}
        }"#
        .parse()
        .unwrap();
        let graph = Graph::of(&metadata).unwrap();
        assert_eq!(graph.promised(), Some("1.88"));
        assert_eq!(graph.too_new("1.88"), ["new 2.0.0 asks for 1.90"]);
    }
}
