//! Cohorts: named sets of a customer's patients. Rows say who belongs to them.

use serde::{Deserialize, Serialize};

use crate::ids::CohortId;
use crate::label::Label;

/// A cohort, in the shape of the API.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cohort {
    /// Its id.
    pub id: CohortId,
    /// Its name.
    pub name: Label,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// The colour in which the customer's programs show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<Label>,
}
