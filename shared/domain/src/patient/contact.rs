//! Phone numbers and email addresses.

use serde::{Deserialize, Serialize};

use crate::patient::value::{Digits, Value, value};
use crate::problem::Problem;
use crate::stored_size;
use crate::text::is_dash;

/// A phone number, an email address, or both.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Contact {
    /// Phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Phone>,
    /// Email address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Email>,
}

impl Contact {
    /// Returns the size of the contact in a patient's record, in bytes.
    pub(crate) fn stored_size(&self) -> usize {
        // What the fields' names and the phone number take: 33 bytes.
        const FIELDS: usize = 40;
        FIELDS + self.email.as_ref().map_or(0, |email| stored_size::text(email.as_str()))
    }
}

/// A phone number in the USA: 10 digits.
///
/// Punctuation, white space, a leading country code 1 and an extension (`x12`, `ext. 12`,
/// `extension 12`, `#12`) are dropped. A number that begins with `+` must have the country code 1, so
/// that no foreign number of 10 digits passes for one here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(Digits<10>);

impl Phone {
    /// The 10 digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Value for Phone {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Self::of(text).ok_or(Problem::NotAPhone)
    }
}

impl Phone {
    fn of(text: &str) -> Option<Self> {
        let number = match text.find(|c: char| c.is_alphabetic() || c == '#') {
            Some(end) if is_extension(&text[end..]) => &text[..end],
            Some(_) => return None,
            None => text,
        };
        let international = number.trim_start_matches(['(', ' ']).starts_with('+');
        let mut digits = number.chars().filter(|&c| !is_punctuation(c)).peekable();
        if digits.peek() == Some(&'1') && number.chars().filter(char::is_ascii_digit).count() == 11 {
            digits.next();
        } else if international {
            return None;
        }
        Digits::collect(digits, 10).map(Self)
    }
}

value!(Phone, as_str);

fn is_punctuation(c: char) -> bool {
    c == ' ' || c.is_ascii_punctuation() || is_dash(c) || c == '\u{b7}' || c == '\u{2022}'
}

/// Whether text is an extension and nothing else: a word or sign for one, then digits.
fn is_extension(text: &str) -> bool {
    let word = text.find(|c: char| !c.is_ascii_alphabetic() && c != '#').unwrap_or(text.len());
    let (word, number) = text.split_at(word);
    let known = ["x", "ext", "extn", "extension", "#"].iter().any(|known| known.eq_ignore_ascii_case(word));
    let number = number.trim_start_matches(['.', ':', '=', '#', ' ']);
    known && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

/// An email address, in lower case.
///
/// The local part is an RFC 5322 dot-atom, the domain has at least two labels of ASCII letters, digits
/// and hyphens, the last of them not a number. `mailto:` before it is dropped. Quoted local parts and
/// addresses with letters outside ASCII are refused: in patient data they are typing errors.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest local part and the longest address in octets, by RFC 5321.
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_ADDRESS: usize = 254;
/// The longest label of a domain, by RFC 1035.
const LONGEST_LABEL: usize = 63;

impl Value for Email {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        const SCHEME: &str = "mailto:";
        let address = match text.get(..SCHEME.len()) {
            Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => text[SCHEME.len()..].trim_start(),
            _ => text,
        };
        let valid = address.len() <= LONGEST_ADDRESS
            && address
                .split_once('@')
                .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        if valid { Ok(Self(address.to_ascii_lowercase())) } else { Err(Problem::NotAnEmail) }
    }
}

value!(Email, as_str);

fn is_local_part(local: &str) -> bool {
    let is_atom_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    local.len() <= LONGEST_LOCAL_PART
        && local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte))
}

fn is_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LONGEST_LABEL
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    domain.rsplit_once('.').is_some_and(|(_, top)| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()))
        && domain.split('.').all(is_label)
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
            "415-555-0100 home",
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
        ] {
            assert_eq!(text.parse::<Phone>(), Err(Problem::NotAPhone), "{text:?}");
        }
    }

    #[test]
    fn an_email_address_is_lower_case_without_mailto() {
        for (text, email) in [
            (" Ada.Lovelace@Example.COM ", "ada.lovelace@example.com"),
            ("mailto:ada@example.com", "ada@example.com"),
            ("MAILTO: ada@example.com", "ada@example.com"),
            ("o'neil+x_y-z@mail.example.co.uk", "o'neil+x_y-z@mail.example.co.uk"),
            ("a@b.co", "a@b.co"),
            ("a@xn--bcher-kva.example", "a@xn--bcher-kva.example"),
            ("1@2.com", "1@2.com"),
        ] {
            assert_eq!(text.parse::<Email>().unwrap().as_str(), email, "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_no_email_address() {
        for text in [
            "ada",
            "ada@",
            "@example.com",
            "ada@example",
            "ada@@example.com",
            "ada@exa@mple.com",
            "a da@example.com",
            "ada@exa mple.com",
            ".ada@example.com",
            "ada.@example.com",
            "a..da@example.com",
            "ada@.example.com",
            "ada@example.com.",
            "ada@example..com",
            "ada@-example.com",
            "ada@example-.com",
            "ada@example.c",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            "\"a b\"@example.com",
            "ada@example.com, b@example.com",
            "a@example.com;b@example.com",
            "Ada <ada@example.com>",
            "adä@example.com",
            "ada@exämple.com",
            "mailto:",
            "ada(home)@example.com",
            "ada@exa_mple.com",
        ] {
            assert_eq!(text.parse::<Email>(), Err(Problem::NotAnEmail), "{text:?}");
        }
    }

    #[test]
    fn the_parts_of_an_email_address_have_the_lengths_of_the_rfcs() {
        let address = |local: usize, label: usize, labels: usize| {
            let domain = vec!["d".repeat(label); labels].join(".");
            format!("{}@{domain}.com", "l".repeat(local)).parse::<Email>().is_ok()
        };
        assert!(address(64, 63, 2));
        assert!(!address(65, 10, 1));
        assert!(!address(10, 64, 1));
        assert!(address(58, 63, 3));
        assert!(!address(59, 63, 3));
    }
}
