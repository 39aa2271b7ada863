//! The many ways to write a file of rows, none of which changes what the rows mean.

use crate::chance::Chance;
use crate::rows::{Flaw, HEADER, Ids, Row};

/// How the rows of a file are separated from each other, and their cells.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    separator: char,
    line_end: &'static str,
    has_byte_order_mark: bool,
    /// Whether the first line says what the separator is, as Excel reads it.
    has_separator_line: bool,
    /// Whether the file ends with a line break and the end-of-file mark of DOS.
    has_end_mark: bool,
}

impl Writing {
    /// The way of RFC 4180, with the line ends of Unix.
    pub const PLAIN: Self = Self {
        separator: ',',
        line_end: "\n",
        has_byte_order_mark: false,
        has_separator_line: false,
        has_end_mark: false,
    };

    pub fn random(chance: &Chance) -> Self {
        Self {
            separator: chance.pick(&[',', ',', ';', '\t', '|']),
            line_end: chance.pick(&["\n", "\n", "\r\n", "\r"]),
            has_byte_order_mark: chance.once_in(4),
            has_separator_line: chance.once_in(6),
            has_end_mark: chance.once_in(6),
        }
    }

    /// Returns a file of these rows. If the file is not sound, it cannot be imported, because a
    /// required column is missing.
    pub fn file(self, rows: &[Row], ids: &Ids, is_sound: bool) -> Vec<u8> {
        let Self { separator, line_end, .. } = self;
        let mut file = Vec::new();
        if self.has_byte_order_mark {
            file.extend("\u{feff}".as_bytes());
        }
        if self.has_separator_line {
            file.extend(format!("sep={separator}{line_end}").as_bytes());
        }
        file.extend(self.header(is_sound).as_bytes());
        for (number, row) in (1..).zip(rows) {
            file.extend(line_end.as_bytes());
            if row.spelling % 7 == 0 {
                // Blank lines, and lines of blank cells, are no rows.
                let blanks = [format!("{separator} {separator}"), String::new(), " \u{a0}".into()];
                file.extend(blanks.map(|line| line + line_end).concat().as_bytes());
            }
            let line = self.line(row, ids, number, is_sound);
            if row.in_windows_1252 {
                // Of the characters in these files, Windows-1252 has each as its code point.
                file.extend(line.chars().map(|c| u8::try_from(c).expect("a character of Latin-1")));
            } else {
                file.extend(line.as_bytes());
            }
        }
        if self.has_end_mark {
            file.extend(format!("{line_end}\u{1a}").as_bytes());
        }
        file
    }

    /// Returns the row as it is written into a file.
    fn line(self, row: &Row, ids: &Ids, number: usize, is_sound: bool) -> String {
        if row.flaw == Some(Flaw::RepeatsHeader) {
            return self.header(is_sound);
        }
        let separator = self.separator;
        let written = row.cells(ids, number).into_iter().map(|cell| {
            if cell.contains(['"', separator]) {
                format!("\"{}\"", cell.replace('"', "\"\""))
            } else {
                cell
            }
        });
        let flaw = match row.flaw {
            Some(Flaw::MisplacedQuote) => Some("\"a \"nickname\" in quotes\"".to_owned()),
            Some(Flaw::OpenQuote) => Some("\"never closed".to_owned()),
            _ => None,
        };
        written.chain(flaw).collect::<Vec<_>>().join(&separator.to_string())
    }

    /// Returns the header of a file, which lacks a required column if the file is not sound.
    fn header(self, is_sound: bool) -> String {
        let header = if is_sound { HEADER.to_owned() } else { HEADER.replace("dob", "day") };
        header.replace(',', &self.separator.to_string())
    }

    /// Returns the row's cells in the result file, without the three that the service adds. Cells
    /// without a column come last.
    pub fn cells_in_result(self, row: &Row, ids: &Ids, number: usize) -> Vec<String> {
        let width = HEADER.split(',').count();
        let mut cells = match row.flaw {
            Some(Flaw::RepeatsHeader) => HEADER.split(',').map(str::to_owned).collect(),
            // A row that cannot be split stands in the first column as a whole.
            Some(Flaw::MisplacedQuote | Flaw::OpenQuote) => vec![self.line(row, ids, number, true)],
            _ => row.cells(ids, number),
        };
        cells.resize(cells.len().max(width), String::new());
        while cells.len() > width && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
            cells.pop();
        }
        cells
    }

    /// Reads a result file: its cells, row by row, the header first.
    pub fn read_result(self, bytes: &[u8]) -> Vec<Vec<String>> {
        let mark = "\u{feff}".as_bytes();
        assert_eq!(bytes.starts_with(mark), self.has_byte_order_mark, "the byte order mark");
        let bytes = bytes.strip_prefix(mark).unwrap_or(bytes);
        let separator = u8::try_from(self.separator).expect("an ASCII separator");
        let reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .delimiter(separator)
            .from_reader(bytes);
        let text = |cell: &[u8]| {
            String::from_utf8(cell.to_vec())
                .unwrap_or_else(|_| cell.iter().copied().map(char::from).collect())
        };
        let rows = reader.into_byte_records().map(|row| row.unwrap().iter().map(text).collect());
        rows.collect()
    }
}
