//! Where in the user's file a row is: rows have numbers of their own, which no editor or
//! spreadsheet shows.

mod lines;

use std::fmt;

use lines::Lines;

/// Where a row is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// A line of a text file, counted from 1.
    Line(u64),
    /// A row of a sheet, as the spreadsheet numbers it: counted from 1, the header and blank rows
    /// included.
    SheetRow(u64),
}

impl Place {
    /// Returns the name that the place has in JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Line(_) => "line",
            Self::SheetRow(_) => "sheetRow",
        }
    }

    /// Returns the number of the line or row.
    pub const fn number(self) -> u64 {
        match self {
            Self::Line(number) | Self::SheetRow(number) => number,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Line(_) => "line",
            Self::SheetRow(_) => "row of the sheet:",
        };
        write!(f, "{kind} {}", crate::format::number(self.number()))
    }
}

/// Finds the place of a byte of the CSV. Bytes have to be looked up in ascending order.
#[derive(Debug)]
pub enum Places {
    /// The CSV is the user's file: its line breaks are counted.
    Lines(Lines),
    /// The CSV was made from a sheet: the bytes at which its rows begin are known.
    SheetRows(Vec<u64>),
}

impl Default for Places {
    fn default() -> Self {
        Self::Lines(Lines::default())
    }
}

impl Places {
    /// Returns the places of a sheet's rows, which begin at these bytes of the CSV.
    pub fn of_sheet(row_starts: Vec<u64>) -> Self {
        Self::SheetRows(row_starts)
    }

    /// Takes the next bytes of the CSV.
    pub fn push(&mut self, bytes: &[u8]) {
        if let Self::Lines(lines) = self {
            lines.push(bytes);
        }
    }

    /// Drops what is held for bytes before this one, which will not be looked up.
    pub fn pass(&mut self, byte: u64) {
        self.place_of(byte);
    }

    /// Returns the place of a byte, counted from 0.
    pub fn place_of(&mut self, byte: u64) -> Place {
        match self {
            Self::Lines(lines) => Place::Line(lines.line_of(byte)),
            Self::SheetRows(starts) => {
                Place::SheetRow(starts.partition_point(|start| *start <= byte) as u64)
            }
        }
    }
}
