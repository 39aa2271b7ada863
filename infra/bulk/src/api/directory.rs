//! Facilities and cohorts, which rows refer to by their ids.

use bulk_domain::ids::{CohortId, FacilityId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::Client;
use crate::api::list::List;

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

const FACILITIES: List = List { path: "/medical/v1/facility", name: "facilities" };

const COHORTS: List = List { path: "/medical/v1/cohort", name: "cohorts" };

impl Client {
    pub async fn facilities(&self) -> anyhow::Result<Vec<Facility>> {
        self.get_all(FACILITIES, &[]).await
    }

    pub async fn cohorts(&self) -> anyhow::Result<Vec<Cohort>> {
        self.get_all(COHORTS, &[]).await
    }
}
