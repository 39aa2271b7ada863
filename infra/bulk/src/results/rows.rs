//! The rows of a result file, from its bytes in pieces of any size.

use bulk_domain::csv::{Cells, FileError, RowReader, Separator};

/// The longest header of a result file, in bytes: twice what a row may have.
const LONGEST_HEADER: usize = 2 * 1024 * 1024;

/// Reads rows once it is known what separates their cells.
#[derive(Debug, Default)]
pub struct ResultRows {
    /// The bytes of the header, until it is complete.
    header: Vec<u8>,
    reader: Option<(Separator, RowReader)>,
}

impl ResultRows {
    pub fn push(&mut self, bytes: &[u8]) {
        if let Some((_, reader)) = &mut self.reader {
            reader.push(bytes);
            return;
        }
        self.header.extend_from_slice(bytes);
        if let Some(separator) = separator(&self.header) {
            // A row of the result is its row of the upload with three more cells.
            let mut reader = RowReader::new(separator).row_limit(LONGEST_HEADER);
            reader.push(&std::mem::take(&mut self.header));
            self.reader = Some((separator, reader));
        }
    }

    /// Says that the file is complete.
    pub fn finish(&mut self) {
        if let Some((_, reader)) = &mut self.reader {
            reader.finish();
        }
    }

    /// Gives each complete row to `on_row`, beginning with the header.
    ///
    /// # Errors
    ///
    /// A row is too long. No further row can be read.
    pub fn each(&mut self, mut on_row: impl FnMut(Separator, &Cells<'_>)) -> Result<(), FileError> {
        let Some((separator, reader)) = &mut self.reader else { return Ok(()) };
        while let Some(row) = reader.next_row()? {
            on_row(*separator, &row.cells);
        }
        Ok(())
    }
}

/// Returns what separates the cells of a result file: its header ends with the columns that the
/// service added. `None` if the header is not complete yet.
fn separator(beginning: &[u8]) -> Option<Separator> {
    if beginning.len() > LONGEST_HEADER {
        return Some(Separator::Comma);
    }
    let text = String::from_utf8_lossy(beginning);
    Separator::ALL.into_iter().find(|separator| {
        let between = char::from(separator.byte());
        text.contains(&format!("metriportId{between}status{between}reason\r\n"))
    })
}
