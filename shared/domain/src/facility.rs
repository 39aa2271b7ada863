//! Facilities: the places where a customer's patients receive care.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::FacilityId;
use crate::label::Label;
use crate::patient::Address;

/// A facility: a place where patients receive care.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Facility {
    /// The id of the facility.
    pub id: FacilityId,
    /// Name of the facility.
    pub name: Label,
    /// The National Provider Identifier of the facility.
    pub npi: Npi,
    /// The tax identification number of the facility.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tin: Option<Tin>,
    /// Whether the facility is in use.
    pub active: bool,
    /// The postal address of the facility.
    pub address: Address,
}

/// A National Provider Identifier: 10 digits, the last of which is a check digit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Npi([u8; 10]);

/// A tax identification number: 9 digits, with or without the dash after the second one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tin([u8; 9]);

/// Why a text is not such a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotANumber {
    /// The text is blank.
    #[error("missing")]
    Blank,
    /// The text is not the 10 digits of an NPI.
    #[error("not 10 digits")]
    NotTenDigits,
    /// The check digit is wrong.
    #[error("wrong check digit")]
    WrongCheckDigit,
    /// The text is not the 9 digits of a TIN.
    #[error("not 9 digits")]
    NotNineDigits,
}

/// The Luhn sum of the prefix 80840, which every NPI implies: it stands for health identifiers in
/// the United States (45 CFR 162.406).
const LUHN_OF_80840: u32 = 24;

impl FromStr for Npi {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let digits: [u8; 10] = digits(text)?.ok_or(NotANumber::NotTenDigits)?;
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(place, digit)| {
                let digit = u32::from(digit - b'0');
                let doubled = if place % 2 == 1 { digit * 2 } else { digit };
                doubled / 10 + doubled % 10
            })
            .sum();
        if (sum + LUHN_OF_80840).is_multiple_of(10) {
            Ok(Self(digits))
        } else {
            Err(NotANumber::WrongCheckDigit)
        }
    }
}

impl FromStr for Tin {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let without_dash = match text.trim().split_once('-') {
            Some((area, rest)) if area.len() == 2 => format!("{area}{rest}"),
            _ => text.to_owned(),
        };
        digits(&without_dash)?.map(Self).ok_or(NotANumber::NotNineDigits)
    }
}

/// Returns exactly `N` ASCII digits. None if the text is anything else.
fn digits<const N: usize>(text: &str) -> Result<Option<[u8; N]>, NotANumber> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NotANumber::Blank);
    }
    Ok(text
        .as_bytes()
        .try_into()
        .ok()
        .filter(|digits: &[u8; N]| digits.iter().all(u8::is_ascii_digit)))
}

macro_rules! number {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(std::str::from_utf8(&self.0).unwrap_or_default())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

number!(Npi);
number!(Tin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_npi_has_ten_digits_of_which_the_last_checks_the_others() {
        // The first is the example of the standard; the second is in use.
        for text in ["1234567893", "1245319599", " 1234567893 "] {
            assert_eq!(text.parse::<Npi>().unwrap().to_string(), text.trim());
        }
        for last in (0..=9).filter(|digit| *digit != 3) {
            let text = format!("123456789{last}");
            assert_eq!(text.parse::<Npi>(), Err(NotANumber::WrongCheckDigit), "{text}");
        }
        assert_eq!("2134567893".parse::<Npi>(), Err(NotANumber::WrongCheckDigit), "digits swapped");
        for text in ["123456789", "12345678930", "123456789X", "١٢٣٤٥٦٧٨٩٣"] {
            assert_eq!(text.parse::<Npi>(), Err(NotANumber::NotTenDigits), "{text}");
        }
        assert_eq!(" ".parse::<Npi>(), Err(NotANumber::Blank));
    }

    #[test]
    fn a_tin_has_nine_digits_with_or_without_its_dash() {
        for text in ["123456789", "12-3456789", " 12-3456789 "] {
            assert_eq!(text.parse::<Tin>().unwrap().to_string(), "123456789", "{text}");
        }
        for text in ["12345678", "1-23456789", "12-34-56789", "12345678X", "-123456789"] {
            assert_eq!(text.parse::<Tin>(), Err(NotANumber::NotNineDigits), "{text}");
        }
    }
}
