//! Addresses in the USA, and what their cells may hold.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::patient::state::State;
use crate::patient::value::{Digits, Value, value};
use crate::problem::Problem;
use crate::stored_size;
use crate::text::{is_dash, without_fraction};

/// An address in the USA.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// House number and street.
    pub address_line1: AddressText,
    /// Apartment, suite or unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<AddressText>,
    /// City, as the file writes it.
    pub city: AddressText,
    /// State, as its code of two letters.
    pub state: State,
    /// Zip code of 5 digits.
    pub zip: Zip,
    /// Always `USA`. Optional in what is read.
    #[serde(default)]
    pub country: Country,
}

impl Address {
    /// Returns the size of the address in a patient's record, in bytes.
    pub(crate) fn stored_size(&self) -> usize {
        // {"1":,"c":,"s":"MA","z":"02139"}, without the texts.
        const FIELDS: usize = 34;
        // "2":
        const LINE2: usize = 5;
        let line2 = self
            .address_line2
            .as_ref()
            .map_or(0, |line2| LINE2 + stored_size::text(line2.as_str()));
        FIELDS
            + stored_size::text(self.address_line1.as_str())
            + stored_size::text(self.city.as_str())
            + line2
    }
}

/// A line or a city: any text with a letter or a digit in it, tidied (white space collapsed, NFC).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AddressText(String);

impl AddressText {
    /// Returns the line as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for AddressText {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Self::from_owned(Cow::Borrowed(text))
    }

    fn from_owned(text: Cow<'_, str>) -> Result<Self, Problem> {
        if text.contains(char::is_alphanumeric) {
            Ok(Self(text.into_owned()))
        } else {
            Err(Problem::Missing)
        }
    }
}

value!(AddressText, as_str);

/// A zip code: 5 digits, not all zero.
///
/// Also read: 3 or 4 digits (a spreadsheet dropped the leading zeros), and all of these followed by
/// a dash or a space and a +4 part, which is cut off, or by a dash alone; 9 digits at once; and
/// `2139.0`. 7 or 8 digits at once are refused: they are as likely a phone number as a zip code
/// that lost its zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zip(Digits<5>);

impl Zip {
    /// Returns the 5 digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    fn of(digits: Digits<5>) -> Result<Self, Problem> {
        if digits.bytes() == b"00000" { Err(Problem::NotAZip) } else { Ok(Self(digits)) }
    }
}

impl Value for Zip {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        // Nearly every zip code is one of these.
        if let Some(digits) = Digits::plain(text, |_| false) {
            return Self::of(digits);
        }
        let text = without_fraction(text);
        let zip = match text.split_once(|c: char| is_dash(c) || c == ' ') {
            Some((zip, plus4)) => {
                let plus4 = plus4.trim_matches(|c: char| is_dash(c) || c == ' ');
                if !plus4.is_empty() {
                    Digits::<4>::collect(plus4.chars(), 4).ok_or(Problem::NotAZip)?;
                }
                zip
            }
            None if text.len() == 9 && text.bytes().all(|b| b.is_ascii_digit()) => &text[..5],
            None => text,
        };
        Self::of(Digits::collect(zip.chars(), 3).ok_or(Problem::NotAZip)?)
    }
}

value!(Zip, as_str);

/// A country. There is one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub enum Country {
    /// The United States, the only country.
    #[default]
    #[serde(rename = "USA")]
    Usa,
}

impl<'de> Deserialize<'de> for Country {
    // Not derived: a derived one repeats the text that it does not know in its error.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().eq_ignore_ascii_case("USA") {
            Ok(Self::Usa)
        } else {
            Err(D::Error::custom("not USA"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_has_five_digits() {
        for (text, zip) in [
            ("94110", "94110"),
            (" 94110 ", "94110"),
            ("94110-1234", "94110"),
            ("94110 1234", "94110"),
            ("94110\u{2013}1234", "94110"),
            ("941101234", "94110"),
            ("2139", "02139"),
            ("501", "00501"),
            ("2139-1234", "02139"),
            ("12345-0000", "12345"),
            ("94110-", "94110"),
            ("94110 - 1234", "94110"),
            ("94110.0", "94110"),
            ("2139.0", "02139"),
        ] {
            assert_eq!(text.parse::<Zip>().unwrap().as_str(), zip, "{text:?}");
        }
    }

    #[test]
    fn anything_else_is_no_zip() {
        for text in [
            "00000",
            "000",
            "0000",
            "00000-1234",
            "000001234",
            "12",
            "123456",
            "1234567",
            "12345678",
            "1234567890",
            "94110-12",
            "94110-12345",
            "-94110",
            "9411O",
            "٩٤١١٠",
            "12-1234",
            "M5V 2T6",
            "０２１３９",
        ] {
            assert_eq!(text.parse::<Zip>(), Err(Problem::NotAZip), "{text:?}");
        }
    }

    #[test]
    fn an_address_is_read_from_json_by_the_same_rules() {
        let json = r#"{"addressLine1":" 1  Main St","city":"Boston","state":"massachusetts","zip":"2139"}"#;
        let address: Address = serde_json::from_str(json).unwrap();
        assert_eq!(
            serde_json::to_string(&address).unwrap(),
            r#"{"addressLine1":"1 Main St","city":"Boston","state":"MA","zip":"02139","country":"USA"}"#
        );
        assert!(serde_json::from_str::<Address>(&json.replace("Boston", " ")).is_err());
    }
}
