//! One row as it was read: its place, its bytes and its cells.

use std::fmt;

/// One row: where it is in the file, its bytes, and its cells.
#[derive(Clone, Copy)]
pub struct RawRow<'a> {
    /// The position of its first byte in the file, counted from 0.
    pub start: u64,
    /// Its bytes as they are in the file, without the line break that ends it.
    pub raw: &'a [u8],
    /// Its cells, unescaped: without the quotes around them, and with `""` as one quote. Of a row
    /// that cannot be split its bytes, as one cell.
    pub cells: Cells<'a>,
    /// Whether the row could be split into cells. If not, a double quote in it is misplaced.
    pub is_split: bool,
    /// Whether each cell is written as RFC 4180 has it: in quotes from its first byte on, or
    /// without any.
    pub is_standard: bool,
    /// Whether the file began with a UTF-8 byte order mark (which is in no row).
    pub after_bom: bool,
}

impl RawRow<'_> {
    /// Returns the position in the file just after its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.raw.len() as u64
    }
}

/// The unescaped cells of one row. Cells are bytes: nothing says yet how they are encoded.
#[derive(Clone, Copy)]
pub struct Cells<'a> {
    /// The cells, with one byte between each two.
    bytes: &'a [u8],
    ends: &'a [usize],
}

impl<'a> Cells<'a> {
    pub(super) fn new(bytes: &'a [u8], ends: &'a [usize]) -> Self {
        Self { bytes, ends }
    }

    /// Returns how many cells there are; at least 1.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no cell at all.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Returns the cell at an index counted from 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.range(index).map(|range| &self.bytes[range])
    }

    /// Returns the cells as one text, if they are UTF-8. [`range`](Self::range) tells where each
    /// is.
    pub(crate) fn as_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }

    /// Returns where a cell is in [`as_text`](Self::as_text).
    pub(crate) fn range(&self, index: usize) -> Option<std::ops::Range<usize>> {
        let end = *self.ends.get(index)?;
        Some(if index == 0 { 0 } else { self.ends[index - 1] + 1 }..end)
    }

    /// Returns the cells in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let cell = &bytes[start..end];
            start = end + 1;
            cell
        })
    }
}

// What a file holds must not get into a log, so `Debug` only tells how much of it there is.

impl fmt::Debug for RawRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawRow({}..{}, {:?})", self.start, self.end(), self.cells)
    }
}

impl fmt::Debug for Cells<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cells({})", self.len())
    }
}
