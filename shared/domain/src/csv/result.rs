//! The result file and the failed-rows file: the rows of the upload as they are, and what became of
//! them.
//!
//! RFC 4180, with the separator of the upload: rows end in CRLF, also where they had another line
//! end. A cell keeps its bytes, its quotes included, unless only lenient readers understand it;
//! then it is quoted again. A row that cannot be split into cells stands in the first column, as
//! one cell. Where the upload already has the three columns that are added here (it is a result
//! file that was corrected), its cells of these columns are left out.

use std::fmt;

use crate::csv::header::squeeze;
use crate::csv::reader::{BOM, Cells, RawRow};
use crate::csv::separator::Separator;
use crate::csv::split::{CellSpan, Split, push_cell, push_quoted, split};
use crate::ids::PatientId;

/// The columns that a result file adds.
const ADDED: [&str; 3] = ["metriportId", "status", "reason"];

/// Writes the rows of a result file to buffers that the caller drains.
#[derive(Clone)]
pub struct ResultWriter {
    header: Vec<u8>,
    separator: u8,
    /// How many cells the upload's header has.
    width: usize,
    /// The positions of the columns that are left out, in ascending order: none or three.
    dropped: Vec<usize>,
    /// Where the cells of the current row are in its bytes.
    spans: Vec<CellSpan>,
}

/// What is added to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResultCells<'a> {
    /// The patient that was created or updated.
    pub patient_id: Option<PatientId>,
    /// Whether the row was imported.
    pub status: RowStatus,
    /// Why it was not, or what the row is warned of.
    pub reason: Option<&'a str>,
}

/// What became of a row, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowStatus {
    /// Its patient was created or updated, or would have been in a dry run.
    Succeeded,
    /// Nothing was done for it.
    Failed,
    /// An undo of the import left its patient as it is.
    Kept,
}

impl ResultCells<'_> {
    fn push(self, separator: u8, out: &mut Vec<u8>) {
        if let Some(id) = self.patient_id {
            out.extend_from_slice(
                id.as_uuid().as_hyphenated().encode_lower(&mut [0; 36]).as_bytes(),
            );
        }
        out.push(separator);
        out.extend_from_slice(self.status.as_str().as_bytes());
        out.push(separator);
        push_cell(self.reason.unwrap_or_default().as_bytes(), separator, out);
    }
}

impl RowStatus {
    /// Returns the text in the column `status`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Kept => "kept",
        }
    }
}

impl fmt::Display for RowStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ResultWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResultWriter({} columns)", self.width)
    }
}

impl ResultWriter {
    /// A writer for the rows of an upload with this header.
    pub fn new(header: &RawRow<'_>, separator: Separator) -> Self {
        let mut writer = Self {
            header: Vec::new(),
            separator: separator.byte(),
            width: header.cells.len(),
            dropped: added_columns(&header.cells),
            spans: Vec::new(),
        };
        let mut line = Vec::with_capacity(header.raw.len() + 64);
        let separator = char::from(writer.separator).to_string();
        writer.line(header, &mut line, |out| {
            out.extend_from_slice(ADDED.join(&separator).as_bytes());
        });
        if header.after_bom {
            line.splice(..0, BOM);
        } else if line.starts_with(&BOM) {
            // In the upload, blank lines stood before it. Here it would be taken for a mark of the
            // file.
            let end = memchr::memchr(writer.separator, &line).unwrap_or(line.len());
            line.insert(end, b'"');
            line.insert(0, b'"');
        }
        writer.header = line;
        writer
    }

    /// Appends the header row, after a byte order mark if the upload has one.
    pub fn header(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header);
    }

    /// Appends a row.
    ///
    /// A row with fewer cells than the header is filled up with empty ones, so that the added cells
    /// are in their columns. Of what a row has beyond the header, blanks are left out and the rest
    /// comes after them.
    pub fn row(&mut self, row: &RawRow<'_>, outcome: ResultCells<'_>, out: &mut Vec<u8>) {
        let separator = self.separator;
        self.line(row, out, |out| outcome.push(separator, out));
    }

    /// Appends cells about something that no row of the upload is about. The columns of the upload
    /// are empty.
    pub fn without_row(&self, outcome: ResultCells<'_>, out: &mut Vec<u8>) {
        out.extend(std::iter::repeat_n(self.separator, self.width - self.dropped.len()));
        outcome.push(self.separator, out);
        out.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, row: &RawRow<'_>, out: &mut Vec<u8>, add: impl FnOnce(&mut Vec<u8>)) {
        let RawRow { raw, cells, .. } = row;
        let is_complete = self.dropped.is_empty() && cells.len() == self.width;
        // Most rows can be written as they are.
        if is_complete && row.is_standard {
            out.extend_from_slice(raw);
            out.push(self.separator);
            add(out);
        } else {
            self.cells(row, out, add);
        }
        out.extend_from_slice(b"\r\n");
    }

    fn cells(&mut self, row: &RawRow<'_>, out: &mut Vec<u8>, add: impl FnOnce(&mut Vec<u8>)) {
        self.spans.clear();
        let spans = &mut self.spans;
        let is_split = row.is_split
            && split(row.raw, self.separator, |span| spans.push(span)) == Split::Complete;
        let is_kept = |index: &usize| !self.dropped.contains(index);
        // What stands in for a row that cannot be split.
        let mut whole = (!is_split).then_some(row.raw);
        for index in (0..self.width).filter(is_kept) {
            if is_split {
                self.cell(row, index, out);
            } else if let Some(raw) = whole.take() {
                push_quoted(raw, out);
            }
            out.push(self.separator);
        }
        add(out);
        if !is_split {
            return;
        }
        let is_blank =
            |index: usize| row.cells.get(index).unwrap_or_default().trim_ascii().is_empty();
        let end = (self.width..row.cells.len())
            .rev()
            .find(|&index| !is_blank(index))
            .map_or(0, |last| last + 1);
        for index in self.width..end {
            out.push(self.separator);
            self.cell(row, index, out);
        }
    }

    /// Appends a cell with its own bytes, or quoted again if these are not as RFC 4180 has them.
    fn cell(&self, row: &RawRow<'_>, index: usize, out: &mut Vec<u8>) {
        let Some(span) = self.spans.get(index) else { return };
        if span.is_standard() {
            out.extend_from_slice(&row.raw[span.whole.clone()]);
        } else {
            push_cell(row.cells.get(index).unwrap_or_default(), self.separator, out);
        }
    }
}

/// The positions of the columns that an earlier result file added: the last of each name, and only
/// if all three are there. A lone `status` is a column of the customer's own.
fn added_columns(header: &Cells<'_>) -> Vec<usize> {
    let mut last = [None; ADDED.len()];
    for (index, cell) in header.iter().enumerate() {
        if let Some(text) = std::str::from_utf8(cell).ok().and_then(squeeze)
            && let Some(which) = ADDED.iter().position(|name| name.eq_ignore_ascii_case(&text))
        {
            last[which] = Some(index);
        }
    }
    let mut dropped: Vec<usize> = last.into_iter().flatten().collect();
    if dropped.len() < ADDED.len() {
        dropped.clear();
    }
    dropped.sort_unstable();
    dropped
}

#[cfg(test)]
mod tests;
