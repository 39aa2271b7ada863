//! The uploaded file: its bytes as rows, its header, what makes it fail as a whole, and the result
//! file.
//!
//! Everything here is push-style: the caller owns the I/O and hands over pieces of the file as they
//! arrive, cut anywhere. No answer depends on where the cuts are.

mod error;
mod header;
mod other_formats;
mod reader;
mod result;
mod scan;
mod separator;
mod split;

pub use error::{FileError, RowPlace};
pub(crate) use header::{ADDRESS, GroupSlot};
pub use header::{
    BadMappings, ColumnMapping, ColumnMappings, Columns, HeaderCell, NotAMapping, names,
};
pub use reader::{Cells, RawRow, RowReader};
pub use result::{ResultCells, ResultWriter, RowStatus};
pub use scan::{FileScan, FileSummary, HeaderRow, Scanned, ScannedRow, header_cells};
pub use separator::Separator;

pub use crate::column::{ColumnName, Field, Slot};
pub use crate::limits::{COLUMNS, Limits};
