//! The outcome of each row of a job.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::{PatientId, RowNumber};
use crate::problem::RowProblems;
use crate::warning::RowWarnings;

/// The outcome of one row. Holds no patient data, only ids and codes.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct RowOutcome {
    /// The number of the row.
    #[serde(rename = "n")]
    pub row: RowNumber,
    /// How the row ended.
    #[serde(flatten)]
    pub result: RowResult,
    /// Whether the row starts the document query of its patient: the first row of each patient that
    /// the job created or updated, unless the patient is opted out.
    #[serde(rename = "q", default, skip_serializing_if = "std::ops::Not::not")]
    pub starts_query: bool,
    /// What the row is warned of, if it succeeded.
    #[serde(rename = "w", default, skip_serializing_if = "RowWarnings::is_empty")]
    pub warnings: RowWarnings,
}

impl RowOutcome {
    /// Returns the outcome of a row that starts no query and has no warnings.
    pub fn new(row: RowNumber, result: RowResult) -> Self {
        Self { row, result, starts_query: false, warnings: RowWarnings::default() }
    }

    /// Returns whether the row succeeded.
    pub const fn has_succeeded(&self) -> bool {
        matches!(self.result, RowResult::Succeeded(_))
    }
}

/// How a row ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RowResult {
    /// The patient was created, updated or found unchanged. No id in a dry run.
    #[serde(rename = "ok")]
    Succeeded(Option<PatientId>),
    /// The row failed, so that it changed nothing.
    #[serde(rename = "no")]
    Failed(FailureReason),
}

/// Why a row failed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum FailureReason {
    /// The row breaks rules: all rules that it breaks.
    #[serde(rename = "problems")]
    Problems(RowProblems),
    /// The job was canceled before a worker started the row.
    #[serde(rename = "canceled")]
    Canceled,
    /// The service could not process the row, through no fault of the row.
    #[serde(rename = "internal")]
    Internal,
}

impl fmt::Display for FailureReason {
    /// Returns the `reason` cell of the result file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(problems) => problems.fmt(f),
            Self::Canceled => f.write_str("canceled"),
            Self::Internal => f.write_str("internal error, try this row again"),
        }
    }
}

/// How many rows of a chunk ended in which way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// The rows that succeeded so far.
    pub successful: u32,
    /// The rows that failed so far.
    pub failed: u32,
    /// The rows that succeeded with a warning.
    pub warnings: u32,
}

impl Tally {
    /// Counts the outcomes of rows.
    pub fn of(outcomes: &[RowOutcome]) -> Self {
        outcomes.iter().fold(Self::default(), |tally, outcome| match outcome.result {
            RowResult::Succeeded(_) => Self {
                successful: tally.successful + 1,
                warnings: tally.warnings + u32::from(!outcome.warnings.is_empty()),
                ..tally
            },
            RowResult::Failed(_) => Self { failed: tally.failed + 1, ..tally },
        })
    }
}
