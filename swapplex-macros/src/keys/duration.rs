//! Durations as people write them: `"15m"`.

/// The form to write, for messages.
pub(super) const FORM: &str =
    "a number and a unit (ms, s, m, h or d), such as \"15m\", or a constant `Duration`";

/// As far as Redis can count from now, in milliseconds.
const LONGEST: u64 = i64::MAX as u64 / 2;

/// The milliseconds that `text` says, or what is wrong with it.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(format!("`{text}` is not a duration; write {FORM}")),
    };
    if number.is_empty() {
        return Err(format!("`{text}` is not a duration; write {FORM}"));
    }
    let millis = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|millis| *millis <= LONGEST)
        .ok_or_else(|| format!("`{text}` is longer than Redis can count"))?;
    if millis == 0 {
        return Err(format!(
            "`{text}` is no time at all: a key would be gone as soon as it is written; write {FORM}"
        ));
    }
    Ok(millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read() {
        for (text, millis) in [
            ("1ms", 1),
            ("2s", 2_000),
            ("15m", 900_000),
            ("1h", 3_600_000),
            ("30d", 2_592_000_000),
        ] {
            assert_eq!(parse(text), Ok(millis));
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "15",
            "m",
            "15 m",
            "1.5h",
            "-1s",
            "15min",
            "0s",
            "99999999999999999999s",
            "999999999999d",
            "²s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
