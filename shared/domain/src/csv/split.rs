//! The bytes of one row as cells, by strict quoting.
//!
//! A cell that begins with a double quote, spaces aside, is quoted: it ends at the next double
//! quote that is not doubled, which a separator or the end of the row must follow. Every other cell
//! ends at the next separator, and double quotes in it are text.

use std::ops::Range;

/// Where a cell is in the bytes of its row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CellSpan {
    /// All of its bytes, with quotes and the spaces before them.
    pub(super) whole: Range<usize>,
    /// Of a quoted cell the bytes between the quotes, in which a quote is doubled.
    pub(super) quoted: Option<Range<usize>>,
    /// Whether a cell that is not quoted holds double quotes.
    pub(super) has_quotes: bool,
}

impl CellSpan {
    /// Whether the cell is written as RFC 4180 has it: in quotes from its first byte on, or without
    /// any.
    pub(super) fn is_standard(&self) -> bool {
        let quoted = self.quoted.as_ref();
        quoted.map_or(!self.has_quotes, |quoted| quoted.start == self.whole.start + 1)
    }
}

/// How far a row can be split.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Split {
    /// The row was split to its end.
    Complete,
    /// Up to a double quote that nothing may follow but a quote, a separator or a line end.
    Misplaced,
    /// To its end, which is inside a quoted cell.
    Open,
}

/// Splits a row, or the first line of one, and gives each cell to `on_cell`. Takes one look at each
/// byte.
pub(super) fn split(row: &[u8], separator: u8, mut on_cell: impl FnMut(CellSpan)) -> Split {
    let mut marks = Marks { row, separator, at: 0 };
    let mut start = 0;
    // Whether the cell has been found to have quotes in it, and none around it.
    let mut is_plain = false;
    loop {
        let Some(mark) = marks.next() else {
            on_cell(CellSpan { whole: start..row.len(), quoted: None, has_quotes: is_plain });
            return Split::Complete;
        };
        if row[mark] == separator {
            on_cell(CellSpan { whole: start..mark, quoted: None, has_quotes: is_plain });
            (start, is_plain) = (mark + 1, false);
            continue;
        }
        is_plain = is_plain || leading_spaces(&row[start..mark]) < mark - start;
        if is_plain {
            continue;
        }
        let Some(close) = closing_quote(row, &mut marks) else { return Split::Open };
        match row.get(close + 1) {
            Some(&next) if next != separator => return Split::Misplaced,
            next => {
                on_cell(CellSpan {
                    whole: start..close + 1,
                    quoted: Some(mark + 1..close),
                    has_quotes: false,
                });
                if next.is_none() {
                    return Split::Complete;
                }
                marks.next();
                start = close + 2;
            }
        }
    }
}

/// The positions of separators and double quotes in a row.
struct Marks<'a> {
    row: &'a [u8],
    separator: u8,
    at: usize,
}

impl Iterator for Marks<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let rest = &self.row[self.at..];
        // In wide files most cells are empty, and a search takes longer than this look.
        let found = match rest.first() {
            Some(&first) if first == self.separator || first == b'"' => 0,
            _ => memchr::memchr2(self.separator, b'"', rest)?,
        };
        let mark = self.at + found;
        self.at = mark + 1;
        Some(mark)
    }
}

/// Returns how many spaces the bytes begin with.
pub(super) fn leading_spaces(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == b' ').count()
}

/// Returns the position of the next double quote that is not doubled.
fn closing_quote(row: &[u8], marks: &mut Marks<'_>) -> Option<usize> {
    loop {
        let mark = marks.next()?;
        if row[mark] == b'"' {
            if row.get(mark + 1) != Some(&b'"') {
                return Some(mark);
            }
            marks.next();
        }
    }
}

/// Appends the bytes between the quotes of a cell, each doubled quote as one.
pub(super) fn push_unquoted(cell: &[u8], to: &mut Vec<u8>) {
    let mut rest = cell;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        to.extend_from_slice(&rest[..=quote]);
        rest = rest.get(quote + 2..).unwrap_or_default();
    }
    to.extend_from_slice(rest);
}

/// Appends a cell as RFC 4180 writes it, in quotes if it needs them.
pub(super) fn push_cell(cell: &[u8], separator: u8, to: &mut Vec<u8>) {
    let needs_quotes = |&byte: &u8| byte == separator || matches!(byte, b'"' | b'\r' | b'\n');
    if cell.iter().any(needs_quotes) {
        push_quoted(cell, to);
    } else {
        to.extend_from_slice(cell);
    }
}

/// Appends a cell in quotes.
pub(super) fn push_quoted(cell: &[u8], to: &mut Vec<u8>) {
    to.push(b'"');
    for (i, piece) in cell.split(|&byte| byte == b'"').enumerate() {
        if i > 0 {
            to.extend_from_slice(b"\"\"");
        }
        to.extend_from_slice(piece);
    }
    to.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(row: &str) -> (Vec<String>, Split) {
        let mut cells = Vec::new();
        let split = split(row.as_bytes(), b',', |span| {
            let mut cell = Vec::new();
            match span.quoted {
                Some(quoted) => push_unquoted(&row.as_bytes()[quoted], &mut cell),
                None => cell.extend_from_slice(&row.as_bytes()[span.whole]),
            }
            cells.push(String::from_utf8(cell).unwrap());
        });
        (cells, split)
    }

    #[test]
    fn quoted_cells_hold_separators_quotes_and_line_breaks() {
        for (row, expected) in [
            ("a,b", vec!["a", "b"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("\"a,\"\"b\"\"\r\nc\",\"\",d", vec!["a,\"b\"\r\nc", "", "d"]),
            ("\"\"\"\"", vec!["\""]),
            ("a\"b,\"c\"", vec!["a\"b", "c"]),
        ] {
            assert_eq!(
                cells(row),
                (expected.iter().map(ToString::to_string).collect(), Split::Complete),
                "{row}"
            );
        }
    }

    #[test]
    fn spaces_may_stand_before_a_quoted_cell() {
        assert_eq!(cells("\"a\",  \"b, c\", d").0, ["a", "b, c", " d"]);
    }

    #[test]
    fn a_quote_in_a_quoted_cell_is_followed_by_a_quote_a_separator_or_the_end() {
        for row in ["\"a\"b", "\"a\" ,b", "x,\"12\" pipe\"", "\"a\"\"\"b\""] {
            assert_eq!(cells(row).1, Split::Misplaced, "{row}");
        }
        for row in ["\"", "a,\"b", "\"a\"\"", "\"a,b\n"] {
            assert_eq!(cells(row).1, Split::Open, "{row}");
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        for cell in ["", "a", "a,b", "\"", "a\"\"b", "a\r\nb"] {
            let mut row = Vec::new();
            push_cell(cell.as_bytes(), b',', &mut row);
            assert_eq!(
                cells(std::str::from_utf8(&row).unwrap()),
                (vec![cell.to_owned()], Split::Complete)
            );
        }
    }
}
