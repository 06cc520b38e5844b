//! Figures as people read them.

use std::time::Duration;

/// `1,234,567`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `12 ms` or `1.93 s`
pub(crate) fn duration(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.2} s", time.as_secs_f64())
    }
}

/// `count` over `time`.
pub(crate) fn per_second(count: u64, time: Duration) -> u64 {
    let micros = time.as_micros().max(1);
    u64::try_from(u128::from(count) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

/// `a` over `b` with one digit behind the point, or a dash where there is no `b`.
pub(crate) fn ratio(a: u64, b: u64) -> String {
    match (a * 10).checked_div(b) {
        Some(tenths) => format!("{}.{}", grouped(tenths / 10), tenths % 10),
        None => "-".into(),
    }
}
