//! What the library takes a command for, held against what the running server says.

use std::collections::{BTreeMap, BTreeSet};

use swapplex_tests::{RedisServer, Reply};

/// Commands that the server flags as `readonly`, and that are no reads to us, with the reason.
const NOT_TAKEN_FOR_READS: &[(&str, &str)] = &[];

/// The server's commands, and subcommands behind a bar, with their flags.
fn flags(commands: &[Reply], all: &mut BTreeMap<String, BTreeSet<String>>) {
    for command in commands {
        let Reply::Array(parts) = command else { continue };
        let flags_of_this = parts[2].array().iter().map(Reply::text).collect();
        all.insert(parts[0].text(), flags_of_this);
        if let Some(subcommands) = parts.get(9) {
            flags(subcommands.array(), all);
        }
    }
}

fn server_flags() -> BTreeMap<String, BTreeSet<String>> {
    let server = RedisServer::start();
    let mut all = BTreeMap::new();
    flags(server.ok(&["COMMAND"]).array(), &mut all);
    assert!(all.len() > 200, "{} commands", all.len());
    all
}

fn ours(kind: &str) -> BTreeSet<&'static str> {
    swapplex::classes()
        .filter(|(_, class)| *class == kind)
        .map(|(name, _)| name)
        .collect()
}

#[test]
fn every_read_is_readonly_to_the_server_and_the_other_way_round() {
    let server = server_flags();
    let reads = ours("read");
    let excepted: BTreeSet<&str> = NOT_TAKEN_FOR_READS.iter().map(|(name, _)| *name).collect();
    for read in &reads {
        // A server that is older or newer may not have it.
        if let Some(flags) = server.get(*read) {
            assert!(flags.contains("readonly"), "{read} is no read to the server");
        }
        assert!(!excepted.contains(read));
    }
    let missing: Vec<&String> = server
        .iter()
        .filter(|(name, flags)| {
            flags.contains("readonly") && !reads.contains(name.as_str()) && !excepted.contains(name.as_str())
        })
        .map(|(name, _)| name)
        .collect();
    assert!(
        missing.is_empty(),
        "readonly to the server, and not known to us: {missing:?}"
    );
    assert!(reads.len() > 80);
}

#[test]
fn every_write_that_may_run_twice_is_a_write_to_the_server() {
    let server = server_flags();
    let writes = ours("write");
    let mut known = 0;
    for write in &writes {
        if let Some(flags) = server.get(*write) {
            assert!(flags.contains("write"), "{write} is no write to the server");
            known += 1;
        }
    }
    // Those that a server of another version may lack are few.
    assert!(
        known >= 30 && known + 8 >= writes.len(),
        "{known} of {}",
        writes.len()
    );
}

#[test]
fn what_is_called_harmless_is_no_write_to_the_server() {
    let server = server_flags();
    for name in ours("harmless") {
        let flags = server
            .get(name)
            .unwrap_or_else(|| panic!("the server has no {name}"));
        assert!(
            !flags.contains("write") && !flags.contains("readonly"),
            "{name}: {flags:?}"
        );
    }
}
