//! `key.build`: a derived accessor against `format!`.
//!
//! The claim: no allocation, and not slower than `format!`, for keys of up to 88 bytes; at most 1.3 times as slow beyond.

use std::hint::black_box;

use swapplex::RedisKeys;
use swapplex::shape::Value;

/// One accessor for each kind of key that the claim is about.
#[derive(Debug, RedisKeys)]
#[swapplex(prefix = "shop")]
pub(crate) struct Keys {
    /// A number, the most common kind.
    #[key("user:{id}:profile")]
    pub(crate) profile: fn(id: u64) -> Value<String>,
    /// Several parameters, text among them.
    #[key("season:{season}:{region}-{page:04}")]
    pub(crate) ranking: fn(season: &str, region: &str, page: u32) -> Value<String>,
    /// Text of any length.
    #[key("blob:{name}")]
    pub(crate) blob: fn(name: &str) -> Value<String>,
}

/// What is compared: the same text, by the accessor and by `format!`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// 22 bytes, one number.
    Number,
    /// 34 bytes, three parameters.
    Several,
    /// 200 bytes, past what is held in place.
    Long,
}

impl Case {
    pub(crate) const ALL: [Self; 3] = [Self::Number, Self::Several, Self::Long];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Number => "key.build.number",
            Self::Several => "key.build.several",
            Self::Long => "key.build.long",
        }
    }
}

/// Builds `rounds` keys by the accessor.
pub(crate) fn accessor(case: Case, rounds: u64) {
    let long = long();
    for id in 0..rounds {
        match case {
            Case::Number => drop(black_box(Keys::profile(black_box(id)))),
            Case::Several => drop(black_box(Keys::ranking(black_box("summer"), black_box("europe"), black_box(7)))),
            Case::Long => drop(black_box(Keys::blob(black_box(&long)))),
        }
    }
}

/// Builds `rounds` keys of the same text with `format!`, which escapes nothing.
pub(crate) fn format(case: Case, rounds: u64) {
    let long = long();
    for id in 0..rounds {
        match case {
            Case::Number => drop(black_box(format!("shop:user:{}:profile", black_box(id)))),
            Case::Several => drop(black_box(format!(
                "shop:season:{}:{}-{:04}",
                black_box("summer"),
                black_box("europe"),
                black_box(7)
            ))),
            Case::Long => drop(black_box(format!("shop:blob:{}", black_box(&long)))),
        }
    }
}

fn long() -> String {
    "a".repeat(190)
}
