//! What a row that succeeds is warned of, as a closed list of codes that never hold a cell's
//! content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::codes::{UnknownCode, codes};
use crate::column::{ColumnName, Field};
use crate::problem::ProblemColumn;

codes! {
    /// One thing that a customer should know about a row that succeeded.
    Warning
    /// The row was not UTF-8.
    ReadAsWindows1252: "read as Windows-1252",
        "The row is not UTF-8, so it was read as Windows-1252, the encoding of Excel's plain CSV.",
        "Look at the accents in the patient. Save the file as CSV UTF-8 to be sure.";
    /// Digits were left out because they stand for nothing.
    PlaceholderLeftOut: "placeholder left out",
        "The number stands for nothing: one digit again and again, masked digits, or a number that is known to be an example.",
        "Nothing, or write the real number.";
    /// A phone number that cannot exist in the USA.
    NotDialable: "cannot be dialled",
        "The area code or the exchange begins with 0 or 1, which no phone number in the USA does.",
        "Correct the number, or leave it.";
    /// The patient had another value of an identifier.
    Replaced: "replaced another number",
        "The patient was stored with another social security number, driver's licence or external id, which this one has replaced.",
        "Make sure that both rows are about one person, and not about siblings or namesakes.";
    /// A new patient has an external id that another patient has, too.
    OtherPatientHasId: "another patient has it",
        "The row created a patient under an external id that another patient has, or gets by a row that is imported at the same time.",
        "Compare the two patients: they may be one person whose name or birth date was corrected.";
}

/// One warning and what it is about, shown as `warning: <column>: <text>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RowWarning {
    /// What it is about.
    pub column: ProblemColumn,
    /// The warning for the column.
    pub warning: Warning,
}

impl RowWarning {
    /// Returns a warning about the row as a whole.
    pub const fn of_row(warning: Warning) -> Self {
        Self { column: ProblemColumn::Row, warning }
    }
}

impl fmt::Display for RowWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "warning: {}: {}", self.column, self.warning)
    }
}

impl FromStr for RowWarning {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let (column, warning) = text
            .strip_prefix("warning: ")
            .and_then(|rest| rest.split_once(": "))
            .ok_or(UnknownCode)?;
        Ok(Self { column: column.parse()?, warning: warning.parse()? })
    }
}

/// The warnings of a row, in the order of the file's columns, and after those the warnings about
/// stored patients; most rows have none. Shown, and
/// stored, as `warning: phone: cannot be dialled; warning: ssn: placeholder left out`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowWarnings(Vec<RowWarning>);

impl RowWarnings {
    /// Takes warnings in the order in which they are to be shown.
    pub(crate) fn new(warnings: Vec<RowWarning>) -> Self {
        Self(warnings)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a warning, unless it is there.
    pub fn add(&mut self, warning: RowWarning) {
        if !self.0.contains(&warning) {
            self.0.push(warning);
        }
    }

    /// Returns the warnings in order.
    pub fn iter(&self) -> impl Iterator<Item = RowWarning> {
        self.0.iter().copied()
    }
}

impl fmt::Display for RowWarnings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, warning) in self.0.iter().enumerate() {
            write!(f, "{}{warning}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl FromStr for RowWarnings {
    type Err = UnknownCode;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        text.split("; ").map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Serialize for RowWarnings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowWarnings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The warnings that a row gets because of what is stored about patients: a set of bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PatientWarnings(u8);

impl PatientWarnings {
    /// The set of a row without warnings.
    pub(crate) const NONE: Self = Self(0);
    /// The row replaced the patient's external id.
    pub const EXTERNAL_ID_REPLACED: Self = Self(1);
    /// The row replaced the patient's social security number.
    pub const SSN_REPLACED: Self = Self(2);
    /// The row replaced the patient's driver's licence.
    pub const LICENSE_REPLACED: Self = Self(4);
    /// The row created a patient under an external id that another patient has.
    pub const OTHER_PATIENT_HAS_ID: Self = Self(8);

    /// Adds the warnings of another set.
    pub const fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Returns the warnings in words, in the order of the columns.
    pub fn iter(self) -> impl Iterator<Item = RowWarning> {
        [
            (Self::EXTERNAL_ID_REPLACED, Field::ExternalId, Warning::Replaced),
            (Self::OTHER_PATIENT_HAS_ID, Field::ExternalId, Warning::OtherPatientHasId),
            (Self::SSN_REPLACED, Field::Ssn, Warning::Replaced),
            (Self::LICENSE_REPLACED, Field::DriversLicenceNo, Warning::Replaced),
        ]
        .into_iter()
        .filter(move |(bit, ..)| self.0 & bit.0 != 0)
        .map(|(_, field, warning)| {
            let column = ProblemColumn::Column(ColumnName::new(field, None));
            RowWarning { column, warning }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn warnings_are_read_back_from_their_text() {
        for &warning in Warning::ALL {
            assert!(!warning.text().contains([';', ':', '"', '\n', '|']));
            for column in ["row", "ssn", "phone-2"] {
                let text = format!("warning: {column}: {warning}");
                assert_eq!(text.parse::<RowWarning>().unwrap().to_string(), text);
            }
        }
        let text = "warning: row: read as Windows-1252; warning: phone-2: cannot be dialled";
        let warnings: RowWarnings = text.parse().unwrap();
        assert_eq!((warnings.to_string(), warnings.iter().count()), (text.to_owned(), 2));
        assert!("".parse::<RowWarnings>().unwrap().is_empty());
        for text in
            ["ssn: missing", "warning: ssn", "warning: nickname: cannot be dialled", "warning"]
        {
            assert_eq!(text.parse::<RowWarnings>(), Err(UnknownCode), "{text}");
        }
    }

    #[test]
    fn the_documentation_lists_every_warning() {
        let mut table = String::from("| warning | what it means | what to do |\n|---|---|---|\n");
        for warning in Warning::ALL {
            writeln!(table, "| `{}` | {} | {} |", warning.text(), warning.meaning(), warning.fix())
                .unwrap();
        }
        assert!(
            include_str!("../PROBLEMS.md").contains(&table),
            "PROBLEMS.md should hold this table:\n\n{table}"
        );
    }
}
