//! What makes a whole file fail.

use std::fmt;

use file_format::{FileFormat, Kind};

use crate::column::{ColumnName, Field};
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
    /// The header lacks columns that every row needs.
    #[error("required columns are missing from the header: {}{}", List(.columns), Hint(*.header_line))]
    MissingColumns {
        /// The columns in canonical order, never none.
        columns: Vec<ColumnName>,
        /// A later line, counted from 1, that has all of them.
        header_line: Option<u32>,
    },
    /// The header cannot be split into cells.
    #[error(
        "a double quote in the header is misplaced: write a quote inside a quoted cell as two, and close each cell"
    )]
    HeaderQuote,
    /// The first line has values where a header has names.
    #[error(
        "the first line looks like data: add a header, a first line with the names of the columns"
    )]
    NoHeader,
    /// The whole file is one line.
    #[error(
        "the file is one long line: its line breaks were lost on the way (with curl, use --data-binary or -T, not -d)"
    )]
    LineBreaksLost,
    /// The customer's mapping names a header cell that is not there.
    #[error(
        "no cell of the header is \"{header}\", which the import was told to take for {column}"
    )]
    MappedHeaderMissing {
        /// The column that was mapped.
        column: ColumnName,
        /// The text that the customer gave.
        header: String,
    },
    /// A column that is not imported is about opting out. The position counts from 1.
    #[error(
        "column {position} of the header speaks of opting out and is not understood: name it hieOptOut, map it, or \
         remove it"
    )]
    OptOutIgnored {
        /// Where in the header it is.
        position: usize,
    },
    /// The dates of birth have the day before the month.
    #[error(
        "dob has the day before the month, as row {row} shows: write dates as YYYY-MM-DD or M/D/YYYY"
    )]
    DayBeforeMonth {
        /// The first row that shows it.
        row: RowNumber,
    },
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
    /// A row, or the line that it begins with, is longer than the limit.
    #[error("{place} is longer than {limit} bytes")]
    RowTooLong {
        /// Where the row starts.
        place: RowPlace,
        /// The most bytes that a row may have.
        limit: usize,
    },
    /// A NUL byte: binary data, or a text encoding other than UTF-8.
    #[error("not a CSV file in UTF-8: NUL byte at byte {byte}, in {place}")]
    Nul {
        /// Where the NUL byte is, counted from 0.
        byte: u64,
        /// Where the row that holds it starts.
        place: RowPlace,
    },
    /// The file has a format that is recognised by its first bytes.
    #[error("not a CSV file: its format is {} (.{}); {}", .0.name(), .0.extension(), Advice(.0.kind()))]
    Format(FileFormat),
    /// A ZIP archive, which is what an .xlsx workbook is too.
    #[error(
        "not a CSV file: it is a ZIP archive or an Excel workbook (.xlsx); save it as CSV (UTF-8)"
    )]
    Zip,
    /// A workbook of the older Excel format.
    #[error("not a CSV file: it is an Excel workbook (.xls); save it as CSV (UTF-8)")]
    Xls,
    /// The file is a PDF document.
    #[error("not a CSV file: it is a PDF document")]
    Pdf,
    /// The file is an RTF document.
    #[error("not a CSV file: it is an RTF document; save it as plain text, or export CSV")]
    Rtf,
    /// The file is an HTML page.
    #[error("not a CSV file: it is an HTML page, perhaps an error page; export CSV")]
    Html,
    /// The file is an XML document.
    #[error("not a CSV file: it is an XML document, perhaps an error message; export CSV")]
    Xml,
    /// JSON, as a string or as objects.
    #[error("not a CSV file: it is JSON; send the CSV text itself")]
    Json,
    /// A file that a web form sent as the value of a field.
    #[error(
        "the file is percent-encoded, as a web form sends it; send the file itself as the body"
    )]
    PercentEncoded,
    /// Each line is a quoted cell.
    #[error(
        "each line is in double quotes, so that it is a single cell: remove the quotes around the lines"
    )]
    QuotedLines,
    /// The body of a multipart form, with the file in it.
    #[error("the upload is a multipart form; send the file itself as the body")]
    Multipart,
    /// A message or key of PGP.
    #[error("not a CSV file: it is a PGP message; decrypt it before the upload")]
    Pgp,
    /// The file is an X12 interchange, such as an 834.
    #[error("not a CSV file: it is an X12 message (such as an 834); export CSV")]
    X12,
    /// The file is an EDIFACT interchange.
    #[error("not a CSV file: it is an EDIFACT message; export CSV")]
    Edifact,
    /// A message of HL7 version 2.
    #[error("not a CSV file: it is an HL7 v2 message; export CSV")]
    Hl7,
    /// The file begins with control characters, as no text does.
    #[error(
        "not a CSV file: it is not text but binary data, such as an encrypted file; export CSV"
    )]
    Binary,
    /// The file is encoded in base64.
    #[error("not a CSV file: it is encoded in base64; decode it before the upload")]
    Base64,
    /// The file is text in UTF-16.
    #[error("the file is in UTF-16; save it as CSV in UTF-8")]
    Utf16,
    /// The header's cells are separated by something that no file may have.
    #[error(
        "the file's cells are separated by {0}; separate them by commas, semicolons, tabs or pipes"
    )]
    Separator(OtherSeparator),
}

impl FileError {
    /// A stable name for this error, in kebab-case.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty-file",
            Self::NoDataRows => "no-data-rows",
            Self::MissingColumns { .. } => "missing-columns",
            Self::DuplicateColumn { .. } => "duplicate-column",
            Self::IndexOutOfRange { .. } => "index-out-of-range",
            Self::TooManyColumns { .. } => "too-many-columns",
            Self::TooManyRows { .. } => "too-many-rows",
            Self::TooManyBytes { .. } => "too-many-bytes",
            Self::RowTooLong { .. } => "row-too-long",
            Self::HeaderQuote => "header-quote",
            Self::NoHeader => "no-header",
            Self::LineBreaksLost => "line-breaks-lost",
            Self::MappedHeaderMissing { .. } => "mapped-header-missing",
            Self::OptOutIgnored { .. } => "opt-out-ignored",
            Self::DayBeforeMonth { .. } => "day-before-month",
            Self::Rtf => "rtf",
            Self::Xml => "xml",
            Self::Json => "json",
            Self::Multipart => "multipart",
            Self::Pgp => "pgp",
            Self::X12 => "x12",
            Self::Hl7 => "hl7",
            Self::Base64 => "base64",
            Self::Binary => "binary",
            Self::Nul { .. } => "nul-byte",
            Self::Format(_) => "other-format",
            Self::PercentEncoded => "percent-encoded",
            Self::QuotedLines => "quoted-lines",
            Self::Edifact => "edifact",
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
    /// The row is the header.
    Header {
        /// The offset of its first byte.
        byte: u64,
    },
    /// The row is a data row.
    Data {
        /// The number of the row.
        number: RowNumber,
        /// The offset of its first byte.
        byte: u64,
    },
    /// A row without a known number, because reading began in the middle of the file.
    Unnumbered {
        /// The offset of its first byte.
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

/// A character that separates the cells of some files, and none of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OtherSeparator {
    /// The character `^` between cells.
    Caret,
    /// The character `~` between cells.
    Tilde,
    /// The character `:` between cells.
    Colon,
    /// The character `*` between cells.
    Asterisk,
    /// The character `!` between cells.
    ExclamationMark,
    /// A control character of ASCII made for this (hex 1C to 1F), or of Hive (hex 01).
    ControlCharacter,
    /// Spaces between cells, as in a table with columns of a fixed width.
    Space,
}

impl fmt::Display for OtherSeparator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caret => "^",
            Self::Tilde => "~",
            Self::Colon => "colons (:)",
            Self::Asterisk => "*",
            Self::ExclamationMark => "!",
            Self::ControlCharacter => "a control character",
            Self::Space => "spaces",
        })
    }
}

/// What to do with a file of a format of this kind.
struct Advice(Kind);

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Archive | Kind::Compressed => "upload the CSV file in it",
            _ => "export CSV",
        })
    }
}

/// The line in which the header seems to be.
struct Hint(Option<u32>);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(line) => {
                write!(f, "; the header seems to be in line {line}: delete the lines above it")
            }
        }
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

#[cfg(test)]
mod tests;
