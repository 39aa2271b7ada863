//! What becomes of the rows of a chunk by their upserts.

use std::collections::{HashMap, HashSet};

use bulk_domain::ids::{PatientId, RowNumber};
use bulk_domain::outcome::RowResult;
use bulk_domain::person::FoldedRow;
use bulk_domain::warning::PatientWarnings;

/// The rows of a chunk after their upserts.
#[derive(Default)]
pub struct UpsertOutcome {
    /// The outcome of each row, except of rows that the store refused for good.
    pub rows: HashMap<RowNumber, UpsertedRow>,
    /// The patients that are searched for documents.
    pub to_query: HashSet<PatientId>,
}

/// The outcome of one row.
pub struct UpsertedRow {
    /// How the row ended.
    pub result: RowResult,
    /// What the row is warned of because of what is stored about patients.
    pub warnings: PatientWarnings,
}

impl From<FoldedRow> for UpsertedRow {
    fn from(row: FoldedRow) -> Self {
        Self { result: row.result(), warnings: row.warnings }
    }
}
