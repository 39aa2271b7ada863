//! Numbers, sizes and times as text.

use std::time::Duration;

use indicatif::{DecimalBytes, HumanCount};

/// Returns a number with separated thousands: `1,234,567`.
pub fn number(value: u64) -> String {
    HumanCount(value).to_string()
}

/// Returns a number with its noun: `1 row`, `2,000 rows`.
pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(value))
}

/// Returns a size in the unit that fits: `4.91 MB`.
pub fn bytes(value: u64) -> String {
    DecimalBytes(value).to_string()
}

/// Returns a time in its two largest units: `4.2 s`, `3 min 20 s`, `2 h 5 min`. Indicatif's
/// `HumanDuration` rounds to one.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 100 => format!("{} ms", time.as_millis()),
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Returns an estimated time in whole seconds or larger units.
pub fn about(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { duration(Duration::from_secs(seconds)) }
}

/// Returns the rate in whole things a second. `None` if the time is too short for an estimate.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a speed is an estimate"
)]
pub fn per_second(count: u64, time: Duration) -> Option<u64> {
    let seconds = time.as_secs_f64();
    (seconds >= 0.05 && count > 0).then(|| (count as f64 / seconds).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_exact_as_it_is_short() {
        let shown: Vec<String> = [0.042, 4.24, 42.9, 200.0, 7500.0]
            .into_iter()
            .map(|s| duration(Duration::from_secs_f64(s)))
            .collect();
        assert_eq!(shown, ["42 ms", "4.2 s", "42 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn no_rate_is_shown_before_it_can_be_estimated() {
        assert_eq!(per_second(100, Duration::from_millis(10)), None);
        assert_eq!(per_second(0, Duration::from_secs(10)), None);
        assert_eq!(per_second(1000, Duration::from_secs(2)), Some(500));
    }
}
