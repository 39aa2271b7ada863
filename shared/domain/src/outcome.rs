//! What became of each row.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{PatientId, RowNumber};
use crate::problem::RowProblems;

/// What became of one row. Holds no patient data, only ids and codes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RowOutcome {
    /// The row.
    #[serde(rename = "n")]
    pub row: RowNumber,
    /// What became of it.
    #[serde(flatten)]
    pub result: RowResult,
    /// Whether it starts the document query of its patient: the first row in the file of each patient that the
    /// job created or updated, unless that is opted out.
    #[serde(rename = "q", default, skip_serializing_if = "std::ops::Not::not")]
    pub starts_query: bool,
}

impl RowOutcome {
    /// The outcome of a row that starts no query.
    pub const fn new(row: RowNumber, result: RowResult) -> Self {
        Self { row, result, starts_query: false }
    }
}

/// How a row ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RowResult {
    /// The patient was created, updated or found unchanged; no id in a dry run.
    #[serde(rename = "ok")]
    Succeeded(Option<PatientId>),
    /// Nothing was done for this row.
    #[serde(rename = "no")]
    Failed(FailureReason),
}

/// Why a row failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FailureReason {
    /// The row breaks rules; every rule that it breaks.
    #[serde(rename = "problems")]
    Problems(RowProblems),
    /// The job was canceled before the row's turn.
    #[serde(rename = "canceled")]
    Canceled,
    /// The row could not be worked on, through no fault of its own.
    #[serde(rename = "internal")]
    Internal,
}

impl fmt::Display for FailureReason {
    /// The `reason` cell of the result file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => problems.fmt(f),
            Self::Canceled => f.write_str("canceled"),
            Self::Internal => f.write_str("internal error, try this row again"),
        }
    }
}

/// How many rows of a chunk ended how.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Rows that succeeded.
    pub successful: u32,
    /// Rows that failed.
    pub failed: u32,
}

impl Tally {
    /// Counts outcomes.
    pub fn of(outcomes: &[RowOutcome]) -> Self {
        outcomes.iter().fold(Self::default(), |tally, outcome| match outcome.result {
            RowResult::Succeeded(_) => Self { successful: tally.successful + 1, ..tally },
            RowResult::Failed(_) => Self { failed: tally.failed + 1, ..tally },
        })
    }
}
