//! Numbers, sizes and times as people read them.

use std::time::Duration;

/// `1234567` as `1,234,567`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number of things: `1 row`, `2,000 rows`.
pub fn counted(value: u64, noun: &str) -> String {
    let plural = if value == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", number(value))
}

/// A size in bytes, in the unit that fits.
#[allow(clippy::cast_precision_loss, reason = "one decimal is shown")]
pub fn bytes(value: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if value < 1000 {
        return counted(value, "byte");
    }
    let mut size = value as f64 / 1000.0;
    let mut unit = 0;
    // What would be rounded to 1,000.0 is shown in the next unit.
    while size >= 999.95 && unit < UNITS.len() - 1 {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// A time as one would say it: `4.2 s`, `3 min 20 s`, `2 h 5 min`.
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

/// A time in whole seconds that nobody knows exactly.
pub fn about(seconds: u64) -> String {
    if seconds < 60 { format!("{seconds} s") } else { duration(Duration::from_secs(seconds)) }
}

/// Whole things a second; `None` where the time is too short to tell.
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
    fn thousands_are_separated() {
        let shown: Vec<String> = [0, 999, 1000, 100_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(shown, ["0", "999", "1,000", "100,000", "1,234,567"]);
    }

    #[test]
    fn a_size_has_one_decimal_and_the_unit_that_fits() {
        let shown: Vec<String> = [1, 999, 1000, 999_949, 999_950, 4_912_345].into_iter().map(bytes).collect();
        assert_eq!(shown, ["1 byte", "999 bytes", "1.0 kB", "999.9 kB", "1.0 MB", "4.9 MB"]);
    }

    #[test]
    fn a_time_is_as_exact_as_it_is_short() {
        let shown: Vec<String> = [0.042, 4.24, 42.9, 200.0, 7500.0]
            .into_iter()
            .map(|s| duration(Duration::from_secs_f64(s)))
            .collect();
        assert_eq!(shown, ["42 ms", "4.2 s", "42 s", "3 min 20 s", "2 h 5 min"]);
    }

    #[test]
    fn no_speed_is_told_before_there_is_one() {
        assert_eq!(per_second(100, Duration::from_millis(10)), None);
        assert_eq!(per_second(0, Duration::from_secs(10)), None);
        assert_eq!(per_second(1000, Duration::from_secs(2)), Some(500));
    }
}
