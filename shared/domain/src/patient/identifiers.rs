//! What identifies a patient elsewhere: external id, social security number, driver's licence.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::patient::state::State;
use crate::patient::value::{Digits, Value, value};
use crate::problem::Problem;
use crate::text;

/// The longest external id, in characters.
const LONGEST_EXTERNAL_ID: usize = 255;

/// The id of a patient in the customer's own system: kept as it is, cleaned as every cell is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExternalId(String);

impl ExternalId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for ExternalId {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Self::from_owned(Cow::Borrowed(text))
    }

    fn from_owned(text: Cow<'_, str>) -> Result<Self, Problem> {
        if text.len() > LONGEST_EXTERNAL_ID && text.chars().count() > LONGEST_EXTERNAL_ID {
            return Err(Problem::IdTooLong);
        }
        Ok(Self(text.into_owned()))
    }
}

value!(ExternalId, as_str);

/// A social security number: 9 digits that can have been issued.
///
/// Dashes and spaces are dropped; 7 or 8 digits get the zeros back that a spreadsheet dropped, and
/// `123456789.0` loses its fraction.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssn(Digits<9>);

impl Ssn {
    /// Returns the 9 digits.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Numbers that advertisements and examples have made known, and that belong to no person: the one
/// of a wallet's insert card (Social Security Administration, "Social Security Cards Issued by
/// Woolworth"), and the one that counts.
const EXAMPLES: [&[u8; 9]; 2] = [b"078051120", b"123456789"];

impl Ssn {
    /// Whether the text of a cell stands for no number: one digit again and again, masked digits,
    /// or a known example. Returns then whether it has digits, which are left out.
    pub(crate) fn is_placeholder(text: &str) -> Option<bool> {
        // Nearly every number is one of these.
        if let Some(digits) = Digits::<9>::plain(text, |byte| byte == b'-') {
            return (digits.is_repeated() || EXAMPLES.contains(&digits.bytes())).then_some(true);
        }
        let text = text::without_fraction(text);
        let is_example = |example: &&[u8; 9]| {
            text.bytes().filter(u8::is_ascii_digit).eq(example.iter().copied())
        };
        text::placeholder_digits(text).or_else(|| EXAMPLES.iter().any(is_example).then_some(true))
    }
}

impl Value for Ssn {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        let any = || {
            let text = text::without_fraction(text);
            Digits::collect(text.chars().filter(|&c| c != ' ' && !text::is_dash(c)), 7)
        };
        let digits = Digits::plain(text, |byte| byte == b'-').or_else(any);
        let digits = digits.ok_or(Problem::NotAnSsn)?;
        let number = digits.bytes();
        let (area, group, serial) = (&number[..3], &number[3..5], &number[5..]);
        if matches!(area, b"000" | b"666" | [b'9', ..]) || group == b"00" || serial == b"0000" {
            return Err(Problem::NeverIssued);
        }
        Ok(Self(digits))
    }
}

value!(Ssn, as_str);

/// The number of a driver's licence, in upper case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenseNumber(String);

impl LicenseNumber {
    /// Returns the number as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Value for LicenseNumber {
    fn from_tidy(text: &str) -> Result<Self, Problem> {
        Ok(Self(text::nfc(text.to_uppercase())))
    }
}

value!(LicenseNumber, as_str);

/// A driver's license and the state that issued it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriversLicense {
    /// Number of the license.
    pub value: LicenseNumber,
    /// State that issued the license.
    pub state: State,
}

/// A social security number or a driver's license.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum PersonalIdentifier {
    /// A social security number.
    Ssn {
        /// The number of 9 digits.
        value: Ssn,
    },
    /// The number and state of a driver's license.
    DriversLicense(DriversLicense),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_external_id_is_trimmed_and_otherwise_kept() {
        assert_eq!(" A  1b ".parse::<ExternalId>().unwrap().as_str(), "A 1b");
        assert_eq!(" ".parse::<ExternalId>(), Err(Problem::Missing));
        assert!("é".repeat(255).parse::<ExternalId>().is_ok());
        assert_eq!("é".repeat(256).parse::<ExternalId>(), Err(Problem::IdTooLong));
    }

    #[test]
    fn an_ssn_has_nine_digits() {
        for (text, ssn) in [
            ("123456789", "123456789"),
            ("123-45-6789", "123456789"),
            (" 123 45 6789 ", "123456789"),
            ("123\u{2013}45\u{2013}6789", "123456789"),
            ("12345678", "012345678"),
            ("1234567", "001234567"),
            ("12-34-5678", "012345678"),
            ("123456781.0", "123456781"),
        ] {
            assert_eq!(text.parse::<Ssn>().unwrap().as_str(), ssn, "{text:?}");
        }
        for text in ["123456", "1234567890", "12345678X", "***-**-6789", "123.45.6789", "n/a", "-"]
        {
            assert_eq!(text.parse::<Ssn>(), Err(Problem::NotAnSsn), "{text:?}");
        }
    }

    #[test]
    fn an_ssn_that_was_never_issued_is_refused() {
        for text in [
            "000-12-3456",
            "666-12-3456",
            "900-12-3456",
            "999-12-3456",
            "123-00-4567",
            "123-45-0000",
        ] {
            assert_eq!(text.parse::<Ssn>(), Err(Problem::NeverIssued), "{text:?}");
        }
        for text in ["001-01-0001", "665-12-3456", "667-12-3456", "899-99-9999"] {
            assert!(text.parse::<Ssn>().is_ok(), "{text:?}");
        }
    }

    #[test]
    fn numbers_that_are_nobodys_stand_for_nothing() {
        for text in ["078-05-1120", "123-45-6789", "999-99-9999", "000-00-0000", "XXX-XX-1234"] {
            assert_eq!(Ssn::is_placeholder(text), Some(true), "{text}");
        }
        for text in ["123-45-6781", "987-65-4321", "12345678", "none"] {
            assert_eq!(Ssn::is_placeholder(text), None, "{text}");
        }
    }

    #[test]
    fn a_licence_number_is_upper_case() {
        assert_eq!(" d123  456b ".parse::<LicenseNumber>().unwrap().as_str(), "D123 456B");
    }

    #[test]
    fn identifiers_have_the_shape_of_the_api() {
        let ids = vec![
            PersonalIdentifier::Ssn { value: "123456789".parse().unwrap() },
            PersonalIdentifier::DriversLicense(DriversLicense {
                value: "D1".parse().unwrap(),
                state: "CA".parse().unwrap(),
            }),
        ];
        let json = r#"[{"type":"ssn","value":"123456789"},{"type":"driversLicense","value":"D1","state":"CA"}]"#;
        assert_eq!(serde_json::to_string(&ids).unwrap(), json);
        assert_eq!(serde_json::from_str::<Vec<PersonalIdentifier>>(json).unwrap(), ids);
    }
}
