//! Facilities and cohorts, which rows refer to by their ids.

use bulk_domain::ids::{CohortId, FacilityId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::Client;
use crate::api::client::ListPage;
use crate::api::jobs::Meta;

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

#[derive(Deserialize)]
struct Facilities {
    facilities: Vec<Facility>,
    #[serde(default)]
    meta: Meta,
}

impl ListPage for Facilities {
    type Item = Facility;

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn items(self) -> Vec<Facility> {
        self.facilities
    }
}

#[derive(Deserialize)]
struct Cohorts {
    cohorts: Vec<Cohort>,
    #[serde(default)]
    meta: Meta,
}

impl ListPage for Cohorts {
    type Item = Cohort;

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn items(self) -> Vec<Cohort> {
        self.cohorts
    }
}

impl Client {
    pub async fn facilities(&self) -> anyhow::Result<Vec<Facility>> {
        self.get_all::<Facilities>("/medical/v1/facility", &[]).await
    }

    pub async fn cohorts(&self) -> anyhow::Result<Vec<Cohort>> {
        self.get_all::<Cohorts>("/medical/v1/cohort", &[]).await
    }
}
