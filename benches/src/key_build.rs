//! `key.build`: a derived accessor against `format!`.
//!
//! The claim: no allocation, and not slower than `format!`, for keys of up to 88 bytes; at most 1.3 times as slow beyond.

use std::hint::black_box;
use std::time::{Duration, Instant};

use swapplex::RedisKeys;
use swapplex::shape::Value;

use crate::harness::{Bench, Contestant};

/// One accessor for each kind of key that the claim is about.
#[derive(Debug, RedisKeys)]
#[swapplex(prefix = "shop")]
pub(crate) struct Keys {
    /// A number, the most common kind.
    #[key("user:{id}:profile")]
    pub(crate) profile: fn(id: u64) -> Value<String>,
    /// Several parameters, text among them.
    #[key("season:{season}:{region}-{page:04}")]
    pub(crate) ranking: fn(season: &str, region: &str, page: u16) -> Value<String>,
    /// Text of any length.
    #[key("blob:{name}")]
    pub(crate) blob: fn(name: &str) -> Value<String>,
}

/// Keys between two looks at the clock.
const TURN: u64 = 1_000;

pub(crate) fn run(bench: &mut Bench) {
    // 22 bytes, one number.
    compare(
        bench,
        "key.build.number",
        |id, _| drop(black_box(Keys::profile(id))),
        |id, _| drop(black_box(format!("shop:user:{id}:profile"))),
    );
    // 33 bytes, three parameters.
    compare(
        bench,
        "key.build.several",
        |id, text| drop(black_box(Keys::ranking("summer", &text[..6], page(id)))),
        |id, text| {
            drop(black_box(format!(
                "shop:season:{}:{}-{:04}",
                "summer",
                &text[..6],
                page(id)
            )));
        },
    );
    // 200 bytes, past what is held in place.
    compare(
        bench,
        "key.build.long",
        |_, text| drop(black_box(Keys::blob(text))),
        |_, text| drop(black_box(format!("shop:blob:{text}"))),
    );
}

fn compare(bench: &mut Bench, name: &str, accessor: fn(u64, &str), format: fn(u64, &str)) {
    bench.workload(name, |_| {
        vec![
            Contestant::ours(turns(accessor)),
            Contestant::reference("format!, which escapes nothing", turns(format)),
        ]
    });
}

fn turns(build: fn(u64, &str)) -> impl FnMut(Duration) -> u64 {
    let text = "a".repeat(190);
    move |duration| {
        let mut done = 0;
        let started = Instant::now();
        while started.elapsed() < duration {
            for id in done..done + TURN {
                build(black_box(id), black_box(&text));
            }
            done += TURN;
        }
        done
    }
}

fn page(id: u64) -> u16 {
    u16::try_from(id % 1000).unwrap_or_default()
}
