//! What the library takes for a read, held against what the running server says.

use std::collections::BTreeSet;

use swapplex_tests::{RedisServer, Reply};

/// The names of the commands, and subcommands behind a bar, that the server flags as `readonly`.
fn readonly(commands: &[Reply], names: &mut BTreeSet<String>) {
    for command in commands {
        let Reply::Array(parts) = command else { continue };
        let flags = parts[2].array();
        if flags.iter().any(|flag| flag.text() == "readonly") {
            names.insert(parts[0].text());
        }
        if let Some(subcommands) = parts.get(9) {
            readonly(subcommands.array(), names);
        }
    }
}

#[test]
fn every_read_is_readonly_to_the_server_and_the_other_way_round() {
    let server = RedisServer::start();
    let mut flagged = BTreeSet::new();
    readonly(server.ok(&["COMMAND"]).array(), &mut flagged);
    let known: BTreeSet<String> = server
        .ok(&["COMMAND", "LIST"])
        .array()
        .iter()
        .map(Reply::text)
        .collect();
    for read in swapplex::reads() {
        // A server that is older or newer may not have it.
        if known.contains(*read) {
            assert!(flagged.contains(*read), "{read} is no read to the server");
        }
    }
    let ours: BTreeSet<&str> = swapplex::reads().iter().copied().collect();
    let missing: Vec<&String> = flagged
        .iter()
        .filter(|name| !ours.contains(name.as_str()))
        .collect();
    assert!(
        missing.is_empty(),
        "readonly to the server, and not known to us: {missing:?}"
    );
    assert!(ours.len() > 80 && flagged.len() > 80);
}
