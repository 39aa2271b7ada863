//! How the text of a header cell is matched to a column.
//!
//! A cell is squeezed to its letters and digits in lower case; that leaves `firstname` of
//! `First Name`, and `zip2` of `ZIP-2`. One thing must survive the squeezing: whether something stood
//! before the index. `addressLine1-2` is the first line of the second address, while `addressLine12`
//! is no column at all: without a separator nobody could tell line 12 from line 1, index 2.

use crate::csv::header::names::{ColumnName, Field, Slot};

/// The spellings that mean a field, squeezed.
const SPELLINGS: [(&str, Field); 28] = [
    ("externalid", Field::ExternalId),
    ("id", Field::ExternalId),
    ("firstname", Field::FirstName),
    ("lastname", Field::LastName),
    ("dob", Field::Dob),
    ("gender", Field::Gender),
    ("addressline1", Field::AddressLine1),
    ("addressline2", Field::AddressLine2),
    ("city", Field::City),
    ("state", Field::State),
    ("zip", Field::Zip),
    ("zipcode", Field::Zip),
    ("phone", Field::Phone),
    ("email", Field::Email),
    ("ssn", Field::Ssn),
    ("driverslicenceno", Field::DriversLicenceNo),
    ("driverslicenseno", Field::DriversLicenceNo),
    ("driverslicencenumber", Field::DriversLicenceNo),
    ("driverslicensenumber", Field::DriversLicenceNo),
    ("driverslicencevalue", Field::DriversLicenceNo),
    ("driverslicensevalue", Field::DriversLicenceNo),
    ("driverslicence", Field::DriversLicenceNo),
    ("driverslicense", Field::DriversLicenceNo),
    ("driverslicencestate", Field::DriversLicenceState),
    ("driverslicensestate", Field::DriversLicenceState),
    ("cohort", Field::Cohort),
    ("facilityid", Field::FacilityId),
    ("hieoptout", Field::HieOptOut),
];

/// Longer than every spelling with an index; a header cell with more letters and digits names nothing
/// that the import knows.
const LONGEST: usize = 32;

/// The letters and digits of a header cell, in lower case.
pub(crate) struct Squeezed {
    bytes: [u8; LONGEST],
    len: usize,
    /// How many letters and digits stand before the last separator (0 if there is none).
    last_gap: usize,
    /// Whether that separator has a `+` in it.
    plus: bool,
}

impl Squeezed {
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

/// Squeezes a header cell; `None` for text that cannot be a known column: too long, not UTF-8, or with
/// letters of another alphabet.
pub(crate) fn squeeze(cell: &[u8]) -> Option<Squeezed> {
    let mut squeezed = Squeezed { bytes: [0; LONGEST], len: 0, last_gap: 0, plus: false };
    let (mut gap, mut plus) = (false, false);
    for c in std::str::from_utf8(cell).ok()?.chars() {
        if c.is_ascii_alphanumeric() {
            if gap {
                squeezed.last_gap = squeezed.len;
                squeezed.plus = plus;
            }
            (gap, plus) = (false, false);
            *squeezed.bytes.get_mut(squeezed.len)? = c.to_ascii_lowercase() as u8;
            squeezed.len += 1;
        } else if c.is_alphanumeric() {
            return None;
        } else {
            gap = true;
            plus |= c == '+';
        }
    }
    Some(squeezed)
}

/// The column that a header cell names, if any.
///
/// # Errors
///
/// The field, when the cell names a grouped column with an index that is not 1 to 10.
pub(super) fn recognise(cell: &[u8]) -> Result<Option<ColumnName>, Field> {
    let Some(squeezed) = squeeze(cell) else { return Ok(None) };
    let text = squeezed.as_str();
    if let Some(field) = field(text) {
        return Ok(Some(ColumnName::new(field, None)));
    }
    let digits = text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    // A separator among the digits at the end parts the base name from the index; else all of them
    // are the index, and the base name ends in a letter.
    let (base, index) = text.split_at(squeezed.last_gap.max(digits));
    // `ZIP+4` is a zip code with its four more digits, and not the zip code of a fourth address.
    if squeezed.plus && squeezed.last_gap == base.len() {
        return Ok(None);
    }
    match field(base) {
        Some(field) if field.is_grouped() && !index.is_empty() => {
            let slot = index.parse().ok().and_then(Slot::new).ok_or(field)?;
            Ok(Some(ColumnName::new(field, Some(slot))))
        }
        _ => Ok(None),
    }
}

/// Whether a header cell names a column of the import, with whatever index.
pub(crate) fn names_a_column(cell: &[u8]) -> bool {
    !matches!(recognise(cell), Ok(None))
}

fn field(spelling: &str) -> Option<Field> {
    SPELLINGS.into_iter().find(|(known, _)| *known == spelling).map(|(_, field)| field)
}
