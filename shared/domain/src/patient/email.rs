//! Email addresses, alone or with a name beside them.

use unicode_normalization::char::is_combining_mark;

use crate::patient::several::Several;
use crate::patient::value::{Value, value};
use crate::problem::Problem;
use crate::text::nfc;

/// An email address, in lower case.
///
/// The local part is a dot-atom of RFC 5322, and the domain has at least two labels of letters,
/// digits and hyphens, the last of them not a number. Letters beyond ASCII are a part of both (RFC
/// 6531). `mailto:` before an address is dropped, and so is a name before `<…>`. Quoted local parts
/// are refused: in patient data they are typing errors.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// The longest local part and the longest address in octets, by RFC 5321.
const LONGEST_LOCAL_PART: usize = 64;
const LONGEST_ADDRESS: usize = 254;
/// The longest label of a domain, by RFC 1035.
const LONGEST_LABEL: usize = 63;

/// What stands between two addresses in one cell, the surer signs first.
const BETWEEN: [&str; 5] = [";", "|", ",", "/", " "];

impl Email {
    /// Returns the address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads the addresses in the text of a cell, in order.
    ///
    /// # Errors
    ///
    /// [`NotAnEmail`](Problem::NotAnEmail) if one of them is none.
    pub(crate) fn all(text: &str) -> Result<Several<Self>, Problem> {
        if let Ok(email) = Self::from_tidy(text) {
            return Ok(Several::one(email));
        }
        let all = |between: &&str| -> Option<Several<Self>> {
            let between: &str = between;
            let parts = text.split(between).map(str::trim).filter(|part| !part.is_empty());
            parts.map(|part| Self::from_tidy(part).ok()).collect()
        };
        BETWEEN
            .iter()
            .find_map(all)
            .filter(|emails| emails.first.is_some())
            .ok_or(Problem::NotAnEmail)
    }
}

impl Value for Email {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let address = without_scheme(in_brackets(text).unwrap_or(text));
        let valid = address.len() <= LONGEST_ADDRESS
            && address
                .split_once('@')
                .is_some_and(|(local, domain)| is_local_part(local) && is_domain(domain));
        let lower = |address: &str| {
            if address.is_ascii() {
                address.to_ascii_lowercase()
            } else {
                nfc(address.to_lowercase())
            }
        };
        if valid { Ok(Self(lower(address))) } else { Err(Problem::NotAnEmail) }
    }
}

value!(Email, as_str);

/// Returns the address of `Name <address>`.
fn in_brackets(text: &str) -> Option<&str> {
    let (name, address) = text.strip_suffix('>')?.split_once('<')?;
    (!name.contains(['<', '>', '@'])).then_some(address.trim())
}

fn without_scheme(text: &str) -> &str {
    const SCHEME: &str = "mailto:";
    match text.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => text[SCHEME.len()..].trim_start(),
        _ => text,
    }
}

fn is_local_part(local: &str) -> bool {
    let is_ascii_atom = |byte: u8| {
        byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'/' | b'=' | b'?' | b'^'..=b'`' | b'{'..=b'~')
    };
    let mut previous = b'.';
    let mut is_sound = local.bytes().all(|byte| {
        let before = std::mem::replace(&mut previous, byte);
        if byte == b'.' { before != b'.' } else { is_ascii_atom(byte) || !byte.is_ascii() }
    });
    is_sound &= previous != b'.' && local.len() <= LONGEST_LOCAL_PART;
    is_sound && (local.is_ascii() || !local.contains(char::is_whitespace))
}

fn is_domain(domain: &str) -> bool {
    let mut label = 0;
    let mut previous = b'.';
    let mut is_sound = domain.bytes().all(|byte| {
        let before = std::mem::replace(&mut previous, byte);
        if byte == b'.' {
            label = 0;
            return !matches!(before, b'.' | b'-');
        }
        label += 1;
        let may_stand = if byte == b'-' { before != b'.' } else { byte.is_ascii_alphanumeric() };
        (may_stand || !byte.is_ascii()) && label <= LONGEST_LABEL
    });
    is_sound &= !matches!(previous, b'.' | b'-');
    let is_letter = |c: char| c.is_ascii() || c.is_alphanumeric() || is_combining_mark(c);
    let is_top = |top: &str| top.chars().count() >= 2 && !top.bytes().all(|b| b.is_ascii_digit());
    is_sound
        && domain.rsplit_once('.').is_some_and(|(_, top)| is_top(top))
        && (domain.is_ascii() || domain.chars().all(is_letter))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("Ada Lovelace <ada@example.com>", "ada@example.com"),
            ("<Ada@example.com>", "ada@example.com"),
            ("\"Lovelace, Ada\" <mailto:ada@example.com>", "ada@example.com"),
            ("ADÄ@EXÄMPLE.com", "adä@exämple.com"),
            ("用户@例子.公司", "用户@例子.公司"),
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
            "mailto:",
            "ada(home)@example.com",
            "ada@exa_mple.com",
            "Ada <ada@example.com> <b@example.com>",
            "Ada <ada>",
            "ada@exa\u{201c}mple.com",
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

    #[test]
    fn a_cell_may_hold_several_addresses() {
        for text in [
            "a@example.com; b@example.com",
            "a@example.com, b@example.com,",
            "A <a@example.com>;B <b@example.com>",
            "a@example.com b@example.com",
        ] {
            let addresses: Vec<Email> = Email::all(text).unwrap().into_iter().collect();
            assert_eq!(
                addresses.iter().map(Email::as_str).collect::<Vec<_>>(),
                ["a@example.com", "b@example.com"]
            );
        }
        assert_eq!(Email::all("test@example.com;").unwrap().into_iter().count(), 1);
        for text in ["test@example,com", "a@example.com; b", ";", "a@example.com; b@example"] {
            assert!(matches!(Email::all(text), Err(Problem::NotAnEmail)), "{text}");
        }
    }
}
