//! The outcome of each row of a job.

use std::fmt;
use std::ops::AddAssign;

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
        matches!(self.result, RowResult::Succeeded { .. })
    }
}

/// How a row ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum RowResult {
    /// The row is part of its patient, or would be after a dry run.
    #[serde(rename = "ok")]
    Succeeded {
        /// The patient. `None` for a patient that a dry run would create.
        #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
        patient: Option<PatientId>,
        /// What the row did to the patient.
        #[serde(rename = "e")]
        effect: RowEffect,
    },
    /// The row failed, so that it changed nothing.
    #[serde(rename = "no")]
    Failed(FailureReason),
}

/// What a row did to its patient, or would do after a dry run. The rows of a file count one by one,
/// in its order, so that the second row of a new patient has updated it or left it unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum RowEffect {
    /// The patient had everything that the row says.
    #[serde(rename = "n")]
    Unchanged,
    /// The row changed something that callers can read.
    #[serde(rename = "u")]
    Updated,
    /// No patient matched the row.
    #[serde(rename = "c")]
    Created,
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
    /// The rows that created a patient.
    pub created: u32,
    /// The rows that changed a patient.
    pub updated: u32,
    /// The rows that changed nothing about their patient.
    pub unchanged: u32,
    /// The rows that failed.
    pub failed: u32,
    /// The rows that succeeded with a warning.
    pub warnings: u32,
}

impl Tally {
    /// Counts the outcomes of rows.
    pub fn of(outcomes: &[RowOutcome]) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            let count = match &outcome.result {
                RowResult::Succeeded { effect: RowEffect::Created, .. } => &mut tally.created,
                RowResult::Succeeded { effect: RowEffect::Updated, .. } => &mut tally.updated,
                RowResult::Succeeded { effect: RowEffect::Unchanged, .. } => &mut tally.unchanged,
                RowResult::Failed(_) => &mut tally.failed,
            };
            *count += 1;
            tally.warnings += u32::from(outcome.has_succeeded() && !outcome.warnings.is_empty());
        }
        tally
    }

    /// Returns the number of rows that succeeded.
    pub const fn successful(&self) -> u32 {
        self.created + self.updated + self.unchanged
    }

    /// Returns the number of rows that have their outcome.
    pub const fn ended(&self) -> u32 {
        self.successful() + self.failed
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        let Self { created, updated, unchanged, failed, warnings } = other;
        self.created += created;
        self.updated += updated;
        self.unchanged += unchanged;
        self.failed += failed;
        self.warnings += warnings;
    }
}
