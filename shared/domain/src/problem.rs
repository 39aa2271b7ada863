//! What can be wrong with a row, as a closed list of codes that never hold a cell's content.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use crate::codes::UnknownCode;
use crate::codes::codes;
use crate::column::ColumnName;

codes! {
    /// One thing that can be wrong with a cell, or with a row as a whole.
    Problem
    /// A double quote in a quoted cell is neither doubled nor the last of it, or the cell is never
    /// closed.
    MisplacedQuote: "misplaced double quote",
        "A cell begins with a double quote, and a later one is neither doubled nor at the end of the cell; or the cell is never closed. The row's cells cannot be told apart.",
        "Write a double quote inside a quoted cell as two, and close the cell with one.";
    /// The row is the header again.
    RepeatsHeader: "repeats the header",
        "The row has the same cells as the header, as in files that were joined.",
        "Delete the row.";
    /// The row has fewer cells than the header, and required values are among those that are left
    /// out.
    TooFewCells: "fewer cells than the header",
        "The row ends before its required values; often it is a total or a remark.",
        "Write a cell for every required column, or delete the row.";
    /// The row has more cells than the header.
    TooManyCells: "more cells than the header",
        "The row has values that belong to no column, often because of a separator inside a value.",
        "Put values that contain the separator into double quotes.";
    /// The cell, or one in a column that is not imported, holds bytes that are neither UTF-8 nor
    /// Windows-1252.
    NotUtf8: "not UTF-8",
        "The cell holds bytes that are no text in UTF-8, and the row none in Windows-1252; for the whole row, the cell is in a column that is not imported.",
        "Save the file with the encoding UTF-8.";
    /// The cell is longer than a cell may be.
    CellTooLong: "longer than 10,000 characters",
        "The cell is too long, often because of a double quote in the wrong place; for the whole row, the cell is in a column that is not imported.",
        "Shorten the value, or write a double quote inside a quoted value as two.";
    /// The row, together with what is known about its patient, needs more room than a patient's
    /// record has.
    TooLarge: "too large",
        "The row's texts are too long, or so much is known about the patient already that the row does not fit.",
        "Shorten the texts. If the row is an ordinary one, many different people may have been given the same name and birth date.";
    /// The cell holds a control character.
    ControlCharacter: "control character",
        "The cell holds an invisible control character, as texts do after a wrong conversion.",
        "Type the value again, or remove the character.";
    /// The cell's text was damaged by a wrong conversion.
    Damaged: "damaged text",
        "A conversion between encodings has damaged the text, as in JosÃ© for José; or a name holds a question mark in the place of a letter.",
        "Export the file again as UTF-8, or type the value again.";
    /// A number that a spreadsheet has rounded.
    DamagedBySpreadsheet: "damaged by a spreadsheet",
        "The number is in scientific notation, such as 1.23457E+11, so its last digits are lost.",
        "Format the column as text, and copy the values again from where they come from.";
    /// More values of one kind than a row may have.
    TooManyValues: "more than 10 values",
        "The row has more than 10 addresses, phone numbers, email addresses or cohorts.",
        "Keep the 10 that matter most.";
    /// A value that must be there is not.
    Missing: "missing",
        "A required value is blank, or a value that another one of the row requires.",
        "Fill in the column; an address needs addressLine1, city, state and zip, a driver's licence its number and state. The only name of a person goes into lastName, and FNU into firstName.";
    /// A word for nothing in the place of a name.
    Placeholder: "placeholder",
        "The name is a word of a program for nothing, such as NULL or N/A. Null, written like a name, is one.",
        "Write the name. The only name of a person goes into lastName, and FNU into firstName.";
    /// Text that cannot be a name.
    NotAName: "not a name",
        "The text has no letter, or it is an email address.",
        "Write the name. The only name of a person goes into lastName, and FNU into firstName.";
    /// The text is in no form of a date that is understood.
    NotADate: "not a date",
        "The text has no form of a date that is understood.",
        "Write the date as YYYY-MM-DD.";
    /// A number that a spreadsheet counts days by.
    DayNumber: "a spreadsheet's day number",
        "The number is how a spreadsheet stores a date: the days since 1900.",
        "Format the column as a date, such as YYYY-MM-DD, and export again.";
    /// The date has the form of one, but no calendar has the day.
    NoSuchDay: "no such day",
        "The month or the day does not exist, often because day and month are swapped.",
        "Write the date as YYYY-MM-DD.";
    /// The year has two digits.
    TwoDigitYear: "two-digit year",
        "The century cannot be known.",
        "Write the year with four digits.";
    /// A year too early for a patient.
    YearBefore1900: "year before 1900",
        "The year is too early for a patient.",
        "Correct the year.";
    /// A date after tomorrow.
    InTheFuture: "in the future",
        "The date is later than tomorrow (UTC).",
        "Correct the date.";
    /// No gender that is understood.
    NotAGender: "not M, F, O or U",
        "The text is none of the words for M (male, man), F (female, woman), O (other, un, x, nonbinary, intersex) and U (unknown, unk, unspecified, not specified), or it holds two that disagree.",
        "Write M, F, O (other) or U (unknown).";
    /// No state that is understood.
    NotAState: "not a US state",
        "The text is neither code, name nor traditional abbreviation of a US state, DC, a territory or freely associated state, nor a military AA, AE or AP.",
        "Write the code with two letters, such as CA.";
    /// The text is not a zip code.
    NotAZip: "not a zip code",
        "The text is no zip code of 5 digits (3 or 4 where a spreadsheet has dropped zeros), with or without a +4 part, or it is 00000.",
        "Write the 5 digits.";
    /// No US phone number.
    NotAPhone: "not a 10-digit phone number",
        "The text is no US phone number of 10 digits, the country code 1, an extension and labels such as home or cell aside; or it holds several, and one of them is none.",
        "Write the 10 digits.";
    /// The text is not an email address.
    NotAnEmail: "not an email address",
        "The text is no email address with a dotted domain, or it holds several, and one of them is none.",
        "Write one address, such as name@example.com.";
    /// No social security number.
    NotAnSsn: "not 9 digits",
        "The text has more or less than 9 digits, lost leading zeros aside.",
        "Write the 9 digits.";
    /// A number that the authority does not give out.
    NeverIssued: "never issued",
        "No such social security number exists: area 000, 666 or 9xx, group 00, or serial 0000.",
        "Correct the number, or leave it blank.";
    /// No id of a facility.
    NotAFacilityId: "not a UUID of this service",
        "The column facilityId is for ids of this service's facilities, of the form 01234567-89ab-cdef-0123-456789abcdef.",
        "Copy the id as the API shows it. If the column is about facilities of your own, remove or rename it.";
    /// The text is not a UUID.
    NotAUuid: "not a UUID",
        "The text is no id of the form 01234567-89ab-cdef-0123-456789abcdef.",
        "Copy the id as the API shows it.";
    /// An id of something that this customer does not have.
    NotFound: "not found",
        "No facility or cohort of yours has this id.",
        "Copy the id as the API shows it, or create the facility or cohort first.";
    /// Neither true nor false.
    NotABool: "not true or false",
        "The text is none of true, false, yes, no, y, n, 1 and 0.",
        "Write true or false, or leave it blank.";
    /// An external id that is too long.
    IdTooLong: "longer than 255 characters",
        "The external id is too long.",
        "Use an id of up to 255 characters.";
}

impl std::error::Error for Problem {}

/// What a problem or a warning is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ProblemColumn {
    /// The row as a whole, or columns of it that are not imported; shown as `row`.
    Row,
    /// The problem concerns one column.
    Column(ColumnName),
}

impl fmt::Display for ProblemColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row => f.write_str("row"),
            Self::Column(name) => name.fmt(f),
        }
    }
}

impl FromStr for ProblemColumn {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        match text {
            "row" => Ok(Self::Row),
            name => name.parse().map(Self::Column).map_err(|_| UnknownCode),
        }
    }
}

/// One problem and where it is, shown as `<column>: <problem>`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct RowProblem {
    /// What it is about.
    pub column: ProblemColumn,
    /// The rule that the row breaks.
    pub problem: Problem,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.column, self.problem)
    }
}

impl FromStr for RowProblem {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let (column, problem) = text.split_once(": ").ok_or(UnknownCode)?;
        Ok(Self { column: column.parse()?, problem: problem.parse()? })
    }
}

impl RowProblem {
    /// Returns a problem of the row as a whole.
    pub const fn of_row(problem: Problem) -> Self {
        Self { column: ProblemColumn::Row, problem }
    }
}

/// All problems of one row, at least one, in the order of the file's columns; what concerns the
/// whole row comes first. Shown, and stored, as `dob: no such day; zip-2: missing`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowProblems(Vec<RowProblem>);

impl RowProblems {
    /// Takes problems, at least one, in the order in which they are to be shown.
    pub(crate) fn new(problems: Vec<RowProblem>) -> Self {
        debug_assert!(!problems.is_empty(), "a row without problems has no list of them");
        Self(problems)
    }

    /// Returns one problem of the row as a whole.
    pub fn of_row(problem: Problem) -> Self {
        Self(vec![RowProblem::of_row(problem)])
    }

    /// The problems in order.
    pub fn iter(&self) -> impl Iterator<Item = RowProblem> {
        self.0.iter().copied()
    }
}

impl fmt::Display for RowProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if i == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

impl FromStr for RowProblems {
    type Err = UnknownCode;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        text.split("; ").map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

impl Serialize for RowProblems {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for RowProblems {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
