//! What makes a whole file fail.

use std::fmt;

use crate::csv::header::{ColumnName, Field};
use crate::ids::RowNumber;

/// Why a file cannot be imported. The text is the public `reason` of the job: it says what is wrong
/// and where, names columns by their canonical names only, and never holds anything of the file's
/// content.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// No byte, or nothing but blank lines.
    #[error("the file is empty")]
    Empty,
    /// A header and nothing after it.
    #[error("the file has a header but no data rows")]
    NoDataRows,
    /// The header lacks columns that every row needs; in canonical order, never empty.
    #[error("required columns are missing from the header: {}", List(.0))]
    MissingColumns(Vec<ColumnName>),
    /// Two columns of the header mean the same. Positions count from 1.
    #[error("columns {first} and {second} of the header mean the same: {column}")]
    DuplicateColumn {
        /// What both mean, as the second one spells its index.
        column: ColumnName,
        /// The position of the first of the two.
        first: usize,
        /// The position of the second of the two.
        second: usize,
    },
    /// A grouped column with an index other than 1 to 10. The position counts from 1.
    #[error("column {position} of the header, {field}, has an index outside 1 to 10")]
    IndexOutOfRange {
        /// The column's base name.
        field: Field,
        /// Where in the header it is.
        position: usize,
    },
    /// More columns than the limit.
    #[error("the header has more than {limit} columns")]
    TooManyColumns {
        /// The most columns that a file may have.
        limit: usize,
    },
    /// More data rows than the limit.
    #[error("the file has more than {limit} data rows")]
    TooManyRows {
        /// The most rows that a file may have.
        limit: u32,
    },
    /// More bytes than the limit.
    #[error("the file is larger than {limit} bytes")]
    TooManyBytes {
        /// The most bytes that a file may have.
        limit: u64,
    },
    /// One row is longer than the limit.
    #[error(
        "{place} is longer than {limit} bytes; a quote that is opened in it and never closed may be the reason"
    )]
    RowTooLong {
        /// Where the row starts.
        place: RowPlace,
        /// The most bytes that a row may have.
        limit: usize,
    },
    /// The file ends inside a quoted cell.
    #[error("a quote is opened in {place} and never closed")]
    UnclosedQuote {
        /// Where the row with the quote starts.
        place: RowPlace,
    },
    /// A NUL byte: binary data, or a text encoding other than UTF-8.
    #[error("not a CSV file in UTF-8: NUL byte at byte {byte}, in {place}")]
    Nul {
        /// Where the NUL byte is, counted from 0.
        byte: u64,
        /// Where the row that holds it starts.
        place: RowPlace,
    },
    /// Compressed with gzip.
    #[error("not a CSV file: it is compressed with gzip; upload it uncompressed")]
    Gzip,
    /// A ZIP archive, which is what an .xlsx workbook is too.
    #[error("not a CSV file: it is a ZIP archive or an Excel workbook (.xlsx); save it as CSV (UTF-8)")]
    Zip,
    /// A workbook of the older Excel format.
    #[error("not a CSV file: it is an Excel workbook (.xls); save it as CSV (UTF-8)")]
    Xls,
    /// A PDF document.
    #[error("not a CSV file: it is a PDF document")]
    Pdf,
    /// An HTML page or another XML document, such as a saved error page.
    #[error("not a CSV file: it is an HTML or XML document")]
    Html,
    /// Text in UTF-16.
    #[error("the file is in UTF-16; save it as CSV in UTF-8")]
    Utf16,
    /// The header's cells are separated by something other than commas.
    #[error("the file's cells are separated by {0}; separate them by commas")]
    Separator(Separator),
}

impl FileError {
    /// A stable name for this error, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty-file",
            Self::NoDataRows => "no-data-rows",
            Self::MissingColumns(_) => "missing-columns",
            Self::DuplicateColumn { .. } => "duplicate-column",
            Self::IndexOutOfRange { .. } => "index-out-of-range",
            Self::TooManyColumns { .. } => "too-many-columns",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::TooManyBytes { .. } => "too-many-bytes",
            Self::RowTooLong { .. } => "row-too-long",
            Self::UnclosedQuote { .. } => "unclosed-quote",
            Self::Nul { .. } => "nul-byte",
            Self::Gzip => "gzip",
            Self::Zip => "zip",
            Self::Xls => "xls",
            Self::Pdf => "pdf",
            Self::Html => "html",
            Self::Utf16 => "utf-16",
            Self::Separator(_) => "wrong-separator",
        }
    }
}

/// Where a row starts. Bytes count from 0, from the beginning of the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowPlace {
    /// The header row.
    Header {
        /// Its first byte.
        byte: u64,
    },
    /// A data row.
    Data {
        /// Its number.
        number: RowNumber,
        /// Its first byte.
        byte: u64,
    },
    /// A row whose number is not known, because reading began in the middle of the file.
    Unnumbered {
        /// Its first byte.
        byte: u64,
    },
}

impl fmt::Display for RowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header { byte } => write!(f, "the header row (starts at byte {byte})"),
            Self::Data { number, byte } => write!(f, "row {number} (starts at byte {byte})"),
            Self::Unnumbered { byte } => write!(f, "the row that starts at byte {byte}"),
        }
    }
}

/// A character that some programs write between cells in place of a comma.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Separator {
    /// `;`, written by Excel where the comma is the decimal sign.
    Semicolon,
    /// A tab.
    Tab,
    /// `|`.
    Pipe,
}

impl Separator {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Semicolon, Self::Tab, Self::Pipe];

    /// The byte itself.
    pub const fn byte(self) -> u8 {
        match self {
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

impl fmt::Display for Separator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Semicolon => "semicolons (;)",
            Self::Tab => "tabs",
            Self::Pipe => "pipes (|)",
        })
    }
}

struct List<'a>(&'a [ColumnName]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            write!(f, "{}{name}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}
