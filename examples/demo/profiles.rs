//! The data: what is read again and again, with values that tell whether the right one came.

use crate::Failure;
use crate::place::Place;

/// How many profiles there are.
pub(crate) const COUNT: usize = 10_000;
/// How many bytes each has.
pub(crate) const LENGTH: usize = 64;
/// How long they stay on a user's server if the demo cannot delete them.
const LIFETIME: u64 = 3600;
/// Profiles stored with one pipeline.
const AT_ONCE: usize = 1000;

pub(crate) struct Profiles {
    keys: Vec<String>,
    values: Vec<String>,
}

pub(crate) fn keys(prefix: &str) -> impl Iterator<Item = String> {
    (0..COUNT).map(move |n| format!("{prefix}profile:{n}"))
}

impl Profiles {
    pub(crate) fn new(prefix: &str) -> Self {
        let value = |n| {
            format!(
                "{:<LENGTH$}",
                format!(r#"{{"id":{n},"name":"user {n}","plan":"free"}}"#)
            )
        };
        Self {
            keys: keys(prefix).collect(),
            values: (0..COUNT).map(value).collect(),
        }
    }

    pub(crate) async fn store(&self, place: &Place) -> Result<(), Failure> {
        let client = place.client().build();
        for from in (0..COUNT).step_by(AT_ONCE) {
            let mut pipeline = redis::pipe();
            for n in from..from + AT_ONCE {
                let set = pipeline.cmd("SET").arg(&self.keys[n]).arg(&self.values[n]);
                if place.server.is_none() {
                    set.arg("EX").arg(LIFETIME);
                }
                set.ignore();
            }
            let () = pipeline.query_async(&mut client.connection()).await?;
        }
        Ok(())
    }

    pub(crate) fn key(&self, n: usize) -> &str {
        &self.keys[n]
    }

    /// Whether `value` is what profile `n` holds.
    pub(crate) fn is(&self, n: usize, value: Option<&[u8]>) -> bool {
        value == Some(self.values[n].as_bytes())
    }
}
