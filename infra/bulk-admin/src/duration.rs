//! Durations as arguments of commands.

use std::time::Duration;

/// Reads a duration: a number and `m`, `h` or `d`.
pub fn duration(text: &str) -> Result<Duration, &'static str> {
    const FORM: &str = "a number and m, h or d, such as 30d";
    let unit = match text.chars().last() {
        Some('m') => 60,
        Some('h') => 60 * 60,
        Some('d') => 24 * 60 * 60,
        _ => return Err(FORM),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| FORM)?;
    Ok(Duration::from_secs(number.saturating_mul(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit() {
        assert_eq!(duration("90m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("2192d"), Ok(Duration::from_hours(24 * 2192)));
        for text in ["", "d", "7", "7w", "-1d", "7é"] {
            assert!(duration(text).is_err(), "{text:?}");
        }
    }
}
