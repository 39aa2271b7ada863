//! Phone numbers of the USA, in every writing that files use.

use crate::patient::several::Several;
use crate::patient::value::{Digits, Value, value};
use crate::problem::Problem;
use crate::text::{is_dash, placeholder_digits, without_fraction};

/// A phone number in the USA: 10 digits.
///
/// Punctuation, white space, labels (`(cell)`, `home:`), a leading country code 1 and an extension
/// (`x12`, `ext. 12`, `extension 12`, `#12`) are dropped. A number that begins with `+` must have
/// the country code 1, so that no foreign number of 10 digits passes for one here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(Digits<10>);

/// What is said about a number before or behind it.
const LABELS: [&str; 30] = [
    "c",
    "cell",
    "cellular",
    "cell phone",
    "cellphone",
    "mobile",
    "mobile phone",
    "mob",
    "m",
    "h",
    "home",
    "home phone",
    "hm",
    "w",
    "wk",
    "work",
    "work phone",
    "o",
    "office",
    "p",
    "ph",
    "phone",
    "primary",
    "main",
    "t",
    "tel",
    "telephone",
    "landline",
    "preferred",
    "voice",
];

/// What stands between two numbers in one cell, the surer signs first.
const BETWEEN: [&str; 9] = [":::", ";", "|", ",", " / ", " or ", " and ", "&", "/"];

impl Phone {
    /// Returns the 10 digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Whether the number can be called: neither area code nor exchange of a number in the USA
    /// begins with 0 or 1 (North American Numbering Plan).
    pub(crate) fn is_dialable(&self) -> bool {
        let digits = self.0.bytes();
        [digits[0], digits[3]].iter().all(|&digit| digit >= b'2')
    }

    /// Reads the numbers in the text of a cell, in order. Returns as well whether digits were left
    /// out because they stand for nothing.
    ///
    /// # Errors
    ///
    /// [`NotAPhone`](Problem::NotAPhone) if one of them is none.
    pub(crate) fn all(text: &str) -> Result<(Several<Self>, bool), Problem> {
        // Nearly every number is one of these.
        let is_between = |byte| matches!(byte, b' ' | b'(' | b')' | b'-');
        if let Some(digits) = Digits::plain(text, is_between).filter(|digits| !digits.is_repeated())
        {
            return Ok((Several::one(Self(digits)), false));
        }
        if let Some(has_digits) = placeholder_digits(text) {
            return Ok((Several::none(), has_digits));
        }
        if let Some(phone) = Self::of(text) {
            return Ok((Several::one(phone), false));
        }
        let mut left_out = false;
        let mut all = |between: &&str| -> Option<Several<Self>> {
            let between: &str = between;
            left_out = false;
            let parts = text.split(between).map(str::trim).filter(|part| !part.is_empty());
            let numbers = parts.filter_map(|part| match placeholder_digits(part) {
                Some(has_digits) => {
                    left_out |= has_digits;
                    None
                }
                None => Some(Self::of(part)),
            });
            numbers.collect()
        };
        let numbers = BETWEEN.iter().find_map(&mut all).filter(|numbers| numbers.first.is_some());
        numbers.map(|numbers| (numbers, left_out)).ok_or(Problem::NotAPhone)
    }

    fn of(text: &str) -> Option<Self> {
        let text = without_label(without_fraction(text.trim()));
        let text = without_fraction(text.strip_prefix('#').unwrap_or(text));
        let number = match text.find(|c: char| c.is_alphabetic() || c == '#') {
            Some(end) if is_extension(&text[end..]) => &text[..end],
            Some(_) => return None,
            None => text,
        };
        let international = number.trim_start_matches(['(', ' ']).starts_with('+');
        let mut digits = number.chars().filter(|&c| !is_punctuation(c)).peekable();
        if digits.peek() == Some(&'1') && number.chars().filter(char::is_ascii_digit).count() == 11
        {
            digits.next();
        } else if international {
            return None;
        }
        Digits::collect(digits, 10).map(Self)
    }
}

impl Value for Phone {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Self::of(text).ok_or(Problem::NotAPhone)
    }
}

value!(Phone, as_str);

/// Drops a label before and one behind a number.
fn without_label(text: &str) -> &str {
    if !text.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return text;
    }
    let is_label = |word: &str| {
        LABELS.iter().any(|label| label.eq_ignore_ascii_case(word.trim_matches(is_punctuation)))
    };
    let first = text.find(|c: char| c.is_ascii_digit() || c == '+').unwrap_or(0);
    let (before, rest) = text.split_at(first);
    // A bracket before the area code belongs to the number.
    let rest = if is_label(before) { rest } else { text };
    let last = rest.rfind(|c: char| c.is_ascii_digit()).map_or(rest.len(), |last| last + 1);
    let (number, behind) = rest.split_at(last);
    if is_label(behind) { number } else { rest }
}

fn is_punctuation(c: char) -> bool {
    c == ' ' || c.is_ascii_punctuation() || is_dash(c) || c == '\u{b7}' || c == '\u{2022}'
}

/// Whether text is an extension and nothing else: a word or sign for one, then digits.
fn is_extension(text: &str) -> bool {
    let word = text.find(|c: char| !c.is_ascii_alphabetic() && c != '#').unwrap_or(text.len());
    let (word, number) = text.split_at(word);
    let known =
        ["x", "ext", "extn", "extension", "#"].iter().any(|known| known.eq_ignore_ascii_case(word));
    let number = number.trim_start_matches(['.', ':', '=', '#', ' ']);
    known && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phone_number_has_ten_digits() {
        for text in [
            "4155550100",
            "415-555-0100",
            "(415) 555-0100",
            "415.555.0100",
            "415 555 0100",
            "+1 (415) 555-0100",
            "+14155550100",
            "(+1) 415 555 0100",
            "1-415-555-0100",
            "14155550100",
            "415\u{2013}555\u{2011}0100",
            "415\u{a0}555\u{a0}0100",
            "415/555-0100",
            "415•555•0100",
            "4155550100.0",
            "#4155550100",
        ] {
            assert_eq!(text.parse::<Phone>().unwrap().as_str(), "4155550100", "{text:?}");
        }
    }

    #[test]
    fn an_extension_is_dropped_and_not_mixed_in() {
        for text in [
            "415-555-0100 x12",
            "415-555-0100x12",
            "4155550100X12",
            "415-555-0100 ext. 12",
            "415-555-0100 Ext 12",
            "415-555-0100, extension 12",
            "415-555-0100 ext12",
            "415-555-0100 #12",
            "+1-415-555-0100;ext=12",
            "415-555-0100 ext: #12",
            "1 415 555 0100 extn 1",
        ] {
            assert_eq!(text.parse::<Phone>().unwrap().as_str(), "4155550100", "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_no_phone_number() {
        for text in [
            "555-0100",
            "41555501001",
            "24155550100",
            "+4155550100",
            "+44 20 7946 0958",
            "415-555-010O",
            "1-800-FLOWERS",
            "415-555-0100 x",
            "x12",
            "none",
            "-",
            "415-555-0100 x12 x13",
            "0014155550100",
            "415555010",
            "٤١٥٥٥٥٠١٠٠",
            "415-555-0100 x1a",
            "4155550100 ext. ext 5",
            "415-555-0100 (mother)",
            "fax: 415-555-0100",
        ] {
            assert_eq!(text.parse::<Phone>(), Err(Problem::NotAPhone), "{text:?}");
        }
    }

    #[test]
    fn labels_around_a_number_are_dropped() {
        for text in [
            "C: 415-555-0100",
            "415-555-0100 (cell)",
            "415-555-0100 home",
            "home: (415) 555-0100",
            "Tel. 415-555-0100",
            "tel:+14155550100",
            "(H) 415-555-0100",
            "Mobile Phone: 415-555-0100 x12",
            "(415) 555-0100 [work]",
            "415-555-0100 \u{2013} mobile",
            "home \u{2014} 415-555-0100",
            "Mobile #: 415-555-0100",
        ] {
            assert_eq!(text.parse::<Phone>().unwrap().as_str(), "4155550100", "{text:?}");
        }
    }

    #[test]
    fn a_cell_may_hold_several_numbers() {
        for text in [
            "415-555-0100 / 415-555-0199",
            "415-555-0100 ::: 415-555-0199",
            "(415) 555-0100; (415) 555-0199;",
            "415.555.0100,415.555.0199",
            "home: 415-555-0100, cell: 415-555-0199 x3",
            "415/555-0100 or 415/555-0199",
            "4155550100/4155550199",
        ] {
            let numbers: Vec<Phone> = Phone::all(text).unwrap().0.into_iter().collect();
            assert_eq!(
                numbers.iter().map(Phone::as_str).collect::<Vec<_>>(),
                ["4155550100", "4155550199"],
                "{text}"
            );
        }
        for text in ["415-555-0100 415-555-0199", "415-555-0100 / none of yours", ";", "/"] {
            assert!(matches!(Phone::all(text), Err(Problem::NotAPhone)), "{text}");
        }
    }

    #[test]
    fn area_codes_and_exchanges_begin_with_2_to_9() {
        for (text, dialable) in [
            ("4155550100", true),
            ("1234567890", false),
            ("0987654321", false),
            ("4151550100", false),
        ] {
            assert_eq!(text.parse::<Phone>().unwrap().is_dialable(), dialable, "{text}");
        }
    }
}
