//! Text that a program has damaged: what it was cannot be known, so it is refused.

use super::encoding::to_1252;

/// Whether text has been through a wrong conversion: it has the character U+FFFD, which stands for
/// bytes that were lost, or it is UTF-8 that was read as Windows-1252 (`JosÃ©`).
pub(crate) fn is_damaged(text: &str) -> bool {
    !text.is_ascii() && (text.contains('\u{fffd}') || was_converted_twice(text))
}

/// Whether the text, as bytes of Windows-1252, is UTF-8 with a letter beyond ASCII, or with another
/// character of three bytes or more, such as an apostrophe (`Oâ€™Brien`). Characters of two bytes
/// that are no letters read as text that people write, such as `Â°`.
fn was_converted_twice(text: &str) -> bool {
    let mut bytes = text.chars().map(to_1252);
    let mut has_sign = false;
    while let Some(byte) = bytes.next() {
        let Some(first) = byte else { return false };
        let len = match first {
            0..=0x7f => continue,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => return false,
        };
        let mut encoded = [first, 0, 0, 0];
        for place in &mut encoded[1..len] {
            let Some(Some(byte)) = bytes.next() else { return false };
            *place = byte;
        }
        let Ok(c) = std::str::from_utf8(&encoded[..len]) else { return false };
        has_sign |= len > 2 || c.contains(char::is_alphabetic);
    }
    has_sign
}

/// Whether text is a number as spreadsheets write long ones (`1.23457E+11`): the last digits are
/// lost. `12E4` may be an identifier, so that a fraction or a sign has to be there.
pub(crate) fn is_scientific(text: &str) -> bool {
    let has_sign = matches!(text.as_bytes().first(), Some(b'+' | b'-'));
    let number = &text[usize::from(has_sign)..];
    // Nearly all text is told by what follows its first digits.
    let Some(letter) = number.bytes().position(|b| !matches!(b, b'0'..=b'9' | b'.' | b',')) else {
        return false;
    };
    let (number, exponent) = number.split_at(letter);
    let Some(exponent) = exponent.strip_prefix(['e', 'E']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (has_sign, exponent) = match exponent.strip_prefix(['+', '-']) {
        Some(rest) => (true, rest),
        None => (false, exponent),
    };
    let (is_number, has_fraction) = match number.split_once('.').or_else(|| number.split_once(','))
    {
        Some((whole, fraction)) => (digits(whole) && digits(fraction), true),
        None => (digits(number), false),
    };
    is_number && digits(exponent) && (has_sign || has_fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_was_converted_wrongly_is_damaged() {
        for text in [
            "Jos\u{fffd}",
            "JosÃ©",
            "NuÃ±ez",
            "Â\u{aa}",
            "GÃ¶rlitz",
            "å\u{2019}\u{152}",
            "Oâ€™Brien",
        ] {
            assert!(is_damaged(text), "{text}");
        }
    }

    #[test]
    fn text_with_letters_of_any_language_is_not_damaged() {
        for text in
            ["José", "Ã", "Nuñez", "Ångström", "Škoda", "李", "João", "ÃO", "Zoë’s", "5°", "Â°"]
        {
            assert!(!is_damaged(text), "{text}");
        }
    }

    #[test]
    fn numbers_in_scientific_notation_are_recognised() {
        for text in ["1.23457E+11", "6.17555e+09", "1E+05", "1.5E7", "-1.2E-3", "1,23457E+11"] {
            assert!(is_scientific(text), "{text}");
        }
        for text in ["12E4", "E123", "1E", "1.E+3", "A1E+5", "123", "1.2.3E+4", ""] {
            assert!(!is_scientific(text), "{text}");
        }
    }
}
