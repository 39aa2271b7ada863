//! Whether a file's dates of birth have the day before the month.
//!
//! `05/04/1962` is read as May 4. In a file of another country it is April 5, and no row by itself
//! tells. All rows together do: a first number above 12 can only be a day, and a second one, too.
//! So the whole column is looked at before anything is created.

use crate::csv::error::FileError;
use crate::ids::RowNumber;
use crate::mutants::{Bug, has};
use crate::patient::first_two_numbers;

/// The number of the last month. A larger number is a day.
const DECEMBER: u8 = 12;

/// What the dates seen so far show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DateOrder {
    /// The first row with a date that begins with a number that can only be a day.
    day_first: Option<RowNumber>,
    /// Whether the second number of a row can only be a day.
    month_first: bool,
}

impl DateOrder {
    /// Takes the date of birth of a row, clean text.
    pub(super) fn take(&mut self, dob: &str, row: RowNumber) {
        if let Some((first, second)) = first_two_numbers(dob) {
            self.month_first |=
                second > DECEMBER && first <= DECEMBER && !has(Bug::MonthFirstOverlooked);
            if first > DECEMBER && second <= DECEMBER {
                self.day_first.get_or_insert(row);
            }
        }
    }

    /// Refuses a file in which some dates show that the day comes first, and none that the month
    /// does.
    pub(super) fn check(self) -> Result<(), FileError> {
        match self.day_first {
            Some(row) if !self.month_first && !has(Bug::DayFirstImported) => {
                Err(FileError::DayBeforeMonth { row })
            }
            _ => Ok(()),
        }
    }
}
