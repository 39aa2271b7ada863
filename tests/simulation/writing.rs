//! The many ways to write a file of rows, none of which changes what the rows mean.

use crate::chance::Chance;
use crate::header::{Header, WIDTH};
use crate::rows::{Flaw, Ids, Row};
use crate::windows_1252;

/// The header of a file, and how its rows are separated from each other, and their cells.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    pub header: Header,
    separator: char,
    line_end: &'static str,
    encoding: HeaderEncoding,
    /// Whether the first line says what the separator is, as Excel reads it.
    has_separator_line: bool,
    /// Whether the file ends with a line break and the end-of-file mark of DOS.
    has_end_mark: bool,
}

/// The encoding of the header. Each row has its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum HeaderEncoding {
    Utf8,
    /// UTF-8 after a byte order mark.
    Utf8WithMark,
    Windows1252,
}

impl Writing {
    /// The way of RFC 4180, with the line ends of Unix.
    pub const PLAIN: Self = Self {
        header: Header::Ours,
        separator: ',',
        line_end: "\n",
        encoding: HeaderEncoding::Utf8,
        has_separator_line: false,
        has_end_mark: false,
    };

    pub fn random(header: Header, chance: &Chance) -> Self {
        use HeaderEncoding::{Utf8, Utf8WithMark, Windows1252};
        Self {
            header,
            separator: chance.pick(&[',', ',', ';', '\t', '|']),
            line_end: chance.pick(&["\n", "\n", "\r\n", "\r"]),
            encoding: chance.pick(&[Utf8, Utf8, Utf8WithMark, Windows1252]),
            has_separator_line: chance.once_in(6),
            has_end_mark: chance.once_in(6),
        }
    }

    /// Returns a file of these rows.
    pub fn file(self, rows: &[Row], ids: &Ids) -> Vec<u8> {
        let Self { separator, line_end, .. } = self;
        let mut file = Vec::new();
        if self.encoding == HeaderEncoding::Utf8WithMark {
            file.extend("\u{feff}".as_bytes());
        }
        if self.has_separator_line {
            file.extend(format!("sep={separator}{line_end}").as_bytes());
        }
        file.extend(self.header_line());
        for (number, row) in (1..).zip(rows) {
            file.extend(line_end.as_bytes());
            if row.spelling % 7 == 0 {
                // Blank lines, and lines of blank cells, are no rows.
                let blanks = [format!("{separator} {separator}"), String::new(), " \u{a0}".into()];
                file.extend(blanks.map(|line| line + line_end).concat().as_bytes());
            }
            file.extend(match row.flaw {
                Some(Flaw::RepeatsHeader) => self.header_line(),
                _ => encode(self.line(row, ids, number), row.in_windows_1252),
            });
        }
        if self.has_end_mark {
            file.extend(format!("{line_end}\u{1a}").as_bytes());
        }
        file
    }

    /// Returns the row as it is written into a file.
    fn line(self, row: &Row, ids: &Ids, number: usize) -> String {
        let flaw = match row.flaw {
            Some(Flaw::MisplacedQuote) => Some("\"a \"nickname\" in quotes\"".to_owned()),
            Some(Flaw::OpenQuote) => Some("\"never closed".to_owned()),
            _ => None,
        };
        let cells = row.cells(ids, number);
        let written = cells.iter().map(|cell| self.quoted(cell)).chain(flaw);
        written.collect::<Vec<_>>().join(&self.separator.to_string())
    }

    fn header_line(self) -> Vec<u8> {
        let line = self.header.cells().map(|cell| self.quoted(cell));
        encode(line.join(&self.separator.to_string()), self.encoding == HeaderEncoding::Windows1252)
    }

    /// Returns a cell in quotes, if it needs them.
    fn quoted(self, cell: &str) -> String {
        if cell.contains(['"', self.separator]) {
            format!("\"{}\"", cell.replace('"', "\"\""))
        } else {
            cell.to_owned()
        }
    }

    /// Returns the row's cells in the result file, without the three that the service adds. Cells
    /// without a column come last.
    pub fn cells_in_result(self, row: &Row, ids: &Ids, number: usize) -> Vec<String> {
        let mut cells = match row.flaw {
            Some(Flaw::RepeatsHeader) => self.header.cells().map(str::to_owned).into(),
            // A row that cannot be split stands in the first column as a whole.
            Some(Flaw::MisplacedQuote | Flaw::OpenQuote) => vec![self.line(row, ids, number)],
            _ => row.cells(ids, number),
        };
        cells.resize(cells.len().max(WIDTH), String::new());
        while cells.len() > WIDTH && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        cells
    }

    /// Reads a result file: its cells, row by row, the header first.
    pub fn read_result(self, bytes: &[u8]) -> Vec<Vec<String>> {
        let mark = "\u{feff}".as_bytes();
        let has_mark = self.encoding == HeaderEncoding::Utf8WithMark;
        assert_eq!(bytes.starts_with(mark), has_mark, "the byte order mark");
        let bytes = bytes.strip_prefix(mark).unwrap_or(bytes);
        let separator = u8::try_from(self.separator).expect("an ASCII separator");
        let reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(separator)
            .from_reader(bytes);
        let text = |cell: &[u8]| {
            String::from_utf8(cell.to_vec()).unwrap_or_else(|_| windows_1252::decode(cell))
        };
        let rows = reader.into_byte_records().map(|row| row.unwrap().iter().map(text).collect());
        rows.collect()
    }
}

/// Returns the bytes of a line, in Windows-1252 if that is wanted and has all of its characters.
fn encode(line: String, in_windows_1252: bool) -> Vec<u8> {
    let encoded = if in_windows_1252 { windows_1252::encode(&line) } else { None };
    encoded.unwrap_or_else(|| line.into_bytes())
}
