//! Facilities and cohorts: what rows refer to.

use domain::ids::{CohortId, FacilityId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::{ApiError, Client};

/// A place where patients receive care.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Facility {
    pub id: FacilityId,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub npi: String,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// A named set of patients.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cohort {
    pub id: CohortId,
    #[serde(default)]
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Client {
    /// The customer's facilities.
    pub async fn facilities(&self) -> Result<Vec<Facility>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            facilities: Vec<Facility>,
        }
        Ok(self.get::<Answer>("/medical/v1/facility", &[]).await?.facilities)
    }

    /// The customer's cohorts.
    pub async fn cohorts(&self) -> Result<Vec<Cohort>, ApiError> {
        #[derive(Deserialize)]
        struct Answer {
            cohorts: Vec<Cohort>,
        }
        Ok(self.get::<Answer>("/medical/v1/cohort", &[]).await?.cohorts)
    }
}
