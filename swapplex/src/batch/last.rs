//! Of the values that one call has for a key, the last one is written, as `MSET` does it.
//!
//! Requests that wait for a connection, or for room, are not in the order in which they were made. So a value that another
//! one replaces is left out before anything is sent.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::set::Assignment;
use crate::database::Handle;

/// Leaves out each assignment to a key that a later one has in the same database.
///
/// What could not be encoded stays, since its error is to be told.
pub(super) fn keep_last<H: Handle>(assignments: &mut Vec<(Assignment, H)>) {
    if assignments.len() < 2 {
        return;
    }
    let is_same = |one: &H, other: &H| Arc::ptr_eq(one.shared(), other.shared());
    // Several of a key are in as many databases, so nearly always there is one.
    let mut last: HashMap<&[u8], SmallVec<[usize; 1]>, RandomState> =
        HashMap::with_capacity_and_hasher(assignments.len(), RandomState::default());
    let mut is_kept = vec![true; assignments.len()];
    for (at, (assignment, handle)) in assignments.iter().enumerate().rev() {
        let Some(key) = assignment.key() else {
            continue;
        };
        let later = last.entry(key).or_default();
        if later.iter().any(|&later| is_same(&assignments[later].1, handle)) {
            is_kept[at] = false;
        } else {
            later.push(at);
        }
    }
    let mut is_kept = is_kept.into_iter();
    assignments.retain(|_| is_kept.next().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::error::Error;

    fn kept(assignments: Vec<(Assignment, Client)>) -> Vec<Option<String>> {
        let mut assignments = assignments;
        keep_last(&mut assignments);
        let shown = |(assignment, _): &(Assignment, Client)| {
            let (key, value) = (assignment.key()?, assignment.value()?);
            Some(format!(
                "{}={}",
                String::from_utf8_lossy(key),
                String::from_utf8_lossy(value)
            ))
        };
        assignments.iter().map(shown).collect()
    }

    #[test]
    fn the_last_of_a_keys_values_is_kept_and_so_is_every_database_and_every_error() {
        let [one, other] = ["redis://one", "redis://other"].map(|url| Client::open(url).expect("a URL"));
        let set = |key: &str, value: &str, client: &Client| (Assignment::new(key, value), client.clone());
        assert_eq!(
            kept(vec![
                set("a", "1", &one),
                set("b", "2", &one),
                set("a", "3", &other),
                (Assignment::failed(Error::NoRuntime), one.clone()),
                (Assignment::failed(Error::NoRuntime), one.clone()),
                (Assignment::with_ttl("a".into(), "4".into(), Some(5)), one.clone()),
                set("a", "5", &one),
                set("c", "6", &one),
            ]),
            [Some("b=2"), Some("a=3"), None, None, Some("a=5"), Some("c=6")]
                .map(|text| text.map(str::to_owned))
        );
    }
}
