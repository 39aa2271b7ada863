//! What people and programs write where they have nothing to write.

/// Words of databases and programs for nothing.
const NULLS: [&str; 6] = ["NULL", "(null)", "\\N", "N/A", "nan", "#N/A"];

/// The errors of spreadsheets.
const SPREADSHEET_ERRORS: [&str; 13] = [
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#DIV/0!",
    "#NUM!",
    "#NULL!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#UNKNOWN!",
    "#GETTING_DATA",
];

/// Words of people for nothing, where a value may be left out.
const NOTHINGS: [&str; 3] = ["none", "unknown", "declined"];

/// The longest of these.
const LONGEST: usize = 13;

/// The fewest digits, or masks of digits, that stand for a number.
const FEWEST: usize = 3;

/// Whether clean text is a word of a program for nothing, in any case.
#[inline]
pub(crate) fn is_null(text: &str) -> bool {
    if !matches!(text.as_bytes().first(), Some(b'N' | b'n' | b'(' | b'\\' | b'#'))
        || text.len() > LONGEST
    {
        return false;
    }
    let is = |word: &&str| word.eq_ignore_ascii_case(text);
    // A column that is too narrow is shown, and sometimes saved, as a row of these.
    let is_too_narrow = text.len() > 2 && text.bytes().all(|b| b == b'#');
    NULLS.iter().any(is) || SPREADSHEET_ERRORS.iter().any(is) || is_too_narrow
}

/// Whether a name is such a word. Null and Nan are names, as long as they are written like names:
/// `NaN` is what programs write.
pub(crate) fn is_null_name(text: &str) -> bool {
    let is_like_a_name = || text.bytes().all(|b| b.is_ascii_alphabetic()) && text != "NaN";
    is_null(text) && (super::is_in_one_case(text) || !is_like_a_name())
}

/// Whether clean text says that a value that may be left out is left out.
#[inline]
pub(crate) fn is_nothing(text: &str) -> bool {
    // Nearly all text is told by its first letter.
    if !matches!(
        text.as_bytes().first(),
        Some(b'N' | b'n' | b'U' | b'u' | b'D' | b'd' | b'-' | 0x80..)
    ) {
        return false;
    }
    text.chars().all(super::is_dash) || NOTHINGS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Whether a phone number or social security number stands for nothing: one digit again and again,
/// or digits that were masked. Returns whether the text has digits, which are left out then; `None`
/// for other text.
pub(crate) fn placeholder_digits(text: &str) -> Option<bool> {
    let (mut digits, mut masks) = (0, 0);
    let mut first = None;
    let mut is_repeated = true;
    for c in text.chars() {
        match c {
            '0'..='9' => {
                digits += 1;
                is_repeated &= *first.get_or_insert(c) == c;
            }
            'x' | 'X' | '*' | '#' | '\u{2022}' => masks += 1,
            '(' | ')' | '.' | '/' | '+' | ' ' => {}
            c if super::is_dash(c) => {}
            _ => return None,
        }
    }
    // Spreadsheets drop leading zeros, so that of a number of zeros only one is left.
    let is_repeated = is_repeated && (digits >= FEWEST || first == Some('0'));
    let stands_for_nothing = masks >= FEWEST || (masks == 0 && is_repeated);
    stands_for_nothing.then_some(digits > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_programs_are_nothing_in_any_case() {
        for text in [
            "NULL", "null", "Null", "(null)", "\\N", "N/A", "n/a", "#N/A", "NaN", "#REF!",
            "#DIV/0!", "####",
        ] {
            assert!(is_null(text), "{text}");
        }
        for text in ["", "Nancy", "NA", "#12", "#", "Nullmann", "None"] {
            assert!(!is_null(text), "{text}");
        }
    }

    #[test]
    fn null_in_mixed_case_is_a_name() {
        for text in ["NULL", "null", "NAN", "NaN", "n/a", "N/a", "#N/A", "(Null)"] {
            assert!(is_null_name(text), "{text}");
        }
        assert!(!is_null_name("Null") && !is_null_name("Nan"));
    }

    #[test]
    fn words_of_people_are_nothing_where_nothing_may_be() {
        for text in ["none", "NONE", "Unknown", "declined", "-", "\u{2014}", "--"] {
            assert!(is_nothing(text), "{text}");
        }
        for text in ["", "x", "--x", "no", "nonesuch"] {
            assert!(!is_nothing(text), "{text}");
        }
    }

    #[test]
    fn numbers_that_stand_for_nothing_are_recognised() {
        for (text, digits) in [
            ("0000000000", Some(true)),
            ("(999) 999-9999", Some(true)),
            ("111-11-1111", Some(true)),
            ("XXX-XX-1234", Some(true)),
            ("***-**-****", Some(false)),
            ("617-555-0100", None),
            ("617-555-0100 x12", None),
            ("", None),
            ("-", None),
            ("11", None),
            ("0", Some(true)),
            ("00", Some(true)),
            ("0-0", Some(true)),
            ("1", None),
        ] {
            assert_eq!(placeholder_digits(text), digits, "{text}");
        }
    }
}
