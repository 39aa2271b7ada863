//! The uploaded file: its bytes as rows, its header, what makes it fail as a whole, and the result file.
//!
//! Everything here is push-style: the caller owns the I/O and hands over slices of the file as they
//! arrive, cut anywhere. No answer depends on where the cuts are.

mod error;
mod header;
mod limits;
mod result;
mod rows;
mod scan;
mod sniff;

pub use error::{FileError, RowPlace, Separator};
pub use header::{ColumnName, Columns, Field, Slot};
pub use limits::{CELL_CHARS, COLUMNS, Limits};
pub use result::{ResultCells, ResultWriter, RowStatus};
pub use rows::{Cells, RawRow, RowReader};
pub use scan::{FileScan, FileSummary, HeaderRow, ScannedRow};
