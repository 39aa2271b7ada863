//! Cohorts: named sets of a customer's patients. A row names the cohorts of its patient.

use serde::{Deserialize, Serialize};

use crate::ids::CohortId;
use crate::label::Label;

/// A cohort: a named group of patients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cohort {
    /// The id of the cohort.
    pub id: CohortId,
    /// Name of the cohort.
    pub name: Label,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// Color in which your programs show the cohort.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Label>,
}
