//! The result file and the failed-rows file: the rows of the upload as they are, and what became of them.
//!
//! RFC 4180: rows end in CRLF, whatever they ended in before. A cell keeps its bytes, its quotes
//! included, unless its row is quoted in a way that only lenient readers understand; then the row's
//! cells are quoted anew. Where the upload already has the three columns that are added here (it is a
//! result file that was corrected), its cells of these columns are left out.

use std::fmt;
use std::ops::Range;

use crate::csv::header::squeeze;
use crate::csv::rows::{BOM, Cells, RawRow};
use crate::ids::PatientId;

/// The columns that a result file adds.
const ADDED: [&str; 3] = ["metriportId", "status", "reason"];

/// Writes the rows of a result file to buffers that the caller drains.
#[derive(Clone)]
pub struct ResultWriter {
    header: Vec<u8>,
    /// How many cells the upload's header has.
    width: usize,
    /// The positions of the columns that are left out, in ascending order: none or three.
    dropped: Vec<usize>,
    /// Where the cells of the current row are in its bytes.
    spans: Vec<Range<usize>>,
}

/// What is added to a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ResultCells<'a> {
    /// The patient that was created or updated.
    pub patient_id: Option<PatientId>,
    /// Whether the row was imported.
    pub status: RowStatus,
    /// Why it was not.
    pub reason: Option<&'a str>,
}

/// What became of a row, in one word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowStatus {
    /// Its patient was created or updated, or would have been in a dry run.
    Succeeded,
    /// Nothing was done for it.
    Failed,
}

impl RowStatus {
    /// `succeeded` or `failed`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
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
    pub fn new(header: &RawRow<'_>) -> Self {
        let mut writer = Self {
            header: Vec::new(),
            width: header.cells.len(),
            dropped: added_columns(&header.cells),
            spans: Vec::new(),
        };
        let mut line = Vec::with_capacity(header.raw.len() + 64);
        writer.line(header, &mut line, |out| out.extend_from_slice(ADDED.join(",").as_bytes()));
        if header.after_bom {
            line.splice(..0, BOM);
        } else if line.starts_with(&BOM) {
            // In the upload, blank lines stood before it. Here it would be taken for a mark of the file.
            let end = memchr::memchr(b',', &line).unwrap_or(line.len());
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
    /// are in their columns; what a row has beyond the header comes after them.
    pub fn row(&mut self, row: &RawRow<'_>, outcome: ResultCells<'_>, out: &mut Vec<u8>) {
        self.line(row, out, |out| {
            if let Some(id) = outcome.patient_id {
                out.extend_from_slice(id.as_uuid().as_hyphenated().encode_lower(&mut [0; 36]).as_bytes());
            }
            out.push(b',');
            out.extend_from_slice(outcome.status.as_str().as_bytes());
            out.push(b',');
            push_cell(outcome.reason.unwrap_or_default().as_bytes(), out);
        });
    }

    fn line(&mut self, row: &RawRow<'_>, out: &mut Vec<u8>, add: impl FnOnce(&mut Vec<u8>)) {
        let RawRow { raw, cells, .. } = row;
        let complete = self.dropped.is_empty() && cells.len() == self.width;
        // Most rows have no quote, and those are written as they are.
        let plain = complete && memchr::memchr(b'"', raw).is_none();
        let well_formed = plain || split(raw, &mut self.spans);
        if complete && well_formed {
            out.extend_from_slice(raw);
            out.push(b',');
            add(out);
        } else {
            let cell = |index: usize, out: &mut Vec<u8>| match self.spans.get(index) {
                Some(span) if well_formed => out.extend_from_slice(&raw[span.clone()]),
                _ => push_cell(cells.get(index).unwrap_or_default(), out),
            };
            for index in (0..self.width).filter(|index| !self.dropped.contains(index)) {
                cell(index, out);
                out.push(b',');
            }
            add(out);
            for index in self.width..cells.len() {
                out.push(b',');
                cell(index, out);
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The positions of the columns that an earlier result file added: the last of each name, and only if
/// all three are there. A lone `status` is a column of the customer's own.
fn added_columns(header: &Cells<'_>) -> Vec<usize> {
    let mut last = [None; ADDED.len()];
    for (index, cell) in header.iter().enumerate() {
        if let Some(text) = squeeze(cell)
            && let Some(which) = ADDED.iter().position(|name| name.eq_ignore_ascii_case(text.as_str()))
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

/// Finds the cells of a row in its bytes. False, with `spans` unfinished, if the row is not well-formed
/// by RFC 4180: quotes in a cell that does not begin with one, or text after a closing quote.
fn split(raw: &[u8], spans: &mut Vec<Range<usize>>) -> bool {
    spans.clear();
    let mut at = 0;
    loop {
        let start = at;
        if raw.get(at) == Some(&b'"') {
            loop {
                let Some(quote) = memchr::memchr(b'"', &raw[at + 1..]) else { return false };
                at += quote + 2;
                if raw.get(at) != Some(&b'"') {
                    break;
                }
            }
            if raw.get(at).is_some_and(|&b| b != b',') {
                return false;
            }
        } else {
            at += raw[at..].iter().take_while(|&&b| b != b',' && b != b'"').count();
            if raw.get(at) == Some(&b'"') {
                return false;
            }
        }
        spans.push(start..at);
        if at == raw.len() {
            return true;
        }
        at += 1;
    }
}

/// Appends a cell, quoted if it needs it.
fn push_cell(cell: &[u8], out: &mut Vec<u8>) {
    if !cell.iter().any(|b| matches!(b, b',' | b'"' | b'\r' | b'\n')) {
        out.extend_from_slice(cell);
        return;
    }
    out.push(b'"');
    for (i, piece) in cell.split(|&b| b == b'"').enumerate() {
        if i > 0 {
            out.extend_from_slice(b"\"\"");
        }
        out.extend_from_slice(piece);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
