//! The forms in which a time of day follows a date. It is checked to be one, and dropped.

/// Whether text is a time of day: hours and minutes, or more, or hours with AM or PM; then perhaps
/// an offset from UTC.
pub(super) fn is_time(text: &str) -> bool {
    let end =
        text.find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.').unwrap_or(text.len());
    let (clock, rest) = text.split_at(end);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    let meridiem =
        rest.get(..2).is_some_and(|word| ["am", "pm"].iter().any(|m| m.eq_ignore_ascii_case(word)));
    let zone = if meridiem { &rest[2..] } else { rest };
    is_clock(clock, meridiem) && is_zone(zone.strip_prefix(' ').unwrap_or(zone))
}

/// Whether text, which consists of digits, colons and points, is a time without its surroundings.
fn is_clock(clock: &str, meridiem: bool) -> bool {
    let (clock, fraction) = match clock.split_once('.') {
        None => (clock, false),
        Some((clock, fraction)) => {
            if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
                return false;
            }
            (clock, true)
        }
    };
    let at_most = |digits: &str, max: u8| {
        (1..=2).contains(&digits.len()) && digits.parse::<u8>().is_ok_and(|value| value <= max)
    };
    let hours = |digits: &str| at_most(digits, if meridiem { 12 } else { 24 });
    let two = |digits: &str, max: u8| digits.len() == 2 && at_most(digits, max);
    let mut parts = clock.split(':');
    // 60 is a leap second.
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(h), Some(m), Some(s), None) => hours(h) && two(m, 59) && two(s, 60),
        (Some(h), Some(m), None, None) => hours(h) && two(m, 59) && !fraction,
        (Some(h), None, None, None) if meridiem => hours(h) && !fraction,
        (Some(hms), None, None, None) if hms.len() == 6 => {
            hours(&hms[..2]) && two(&hms[2..4], 59) && two(&hms[4..], 60)
        }
        (Some(hm), None, None, None) if hm.len() == 4 => {
            hours(&hm[..2]) && two(&hm[2..], 59) && !fraction
        }
        _ => false,
    }
}

/// Whether text is an offset from UTC, or nothing.
fn is_zone(zone: &str) -> bool {
    if ["", "Z", "UTC", "GMT"].iter().any(|name| name.eq_ignore_ascii_case(zone)) {
        return true;
    }
    let Some(offset) = zone.strip_prefix(['+', '-']) else { return false };
    let digits = |from: &str| from.bytes().all(|b| b.is_ascii_digit());
    match offset.split_once(':') {
        Some((h, m)) => h.len() == 2 && m.len() == 2 && digits(h) && digits(m),
        None => matches!(offset.len(), 2 | 4) && digits(offset),
    }
}
