//! Patients, and the documents that were found about them.

use domain::ids::{FacilityId, PatientId};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::client::{Call, ListPage};
use crate::api::jobs::Meta;
use crate::api::{ApiError, Client};

const PATH: &str = "/medical/v1/patient";

/// A patient as the service has it. What this program does not show in a list stays as it is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Patient {
    pub id: PatientId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date_updated: Option<String>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One page of patients.
#[derive(Debug, Deserialize)]
pub struct PatientPage {
    pub patients: Vec<Patient>,
    #[serde(default)]
    pub meta: Meta,
}

#[derive(Debug, Deserialize)]
struct Documents {
    documents: Vec<Value>,
    #[serde(default)]
    meta: Meta,
}

impl ListPage for Documents {
    type Item = Value;

    fn meta(&self) -> &Meta {
        &self.meta
    }

    fn items(self) -> Vec<Value> {
        self.documents
    }
}

impl Client {
    /// One patient.
    pub async fn patient(&self, id: PatientId) -> Result<Patient, ApiError> {
        self.get(&format!("{PATH}/{id}"), &[]).await
    }

    /// A page of the customer's patients.
    pub async fn patients(&self, query: &[(&str, String)]) -> Result<PatientPage, ApiError> {
        self.get(PATH, query).await
    }

    /// The patient with an id of the customer's own.
    pub async fn patient_by_external_id(&self, external_id: &str) -> Result<Patient, ApiError> {
        self.get(&format!("{PATH}/external-id"), &[("externalId", external_id.to_owned())]).await
    }

    /// The patient that an import would match with these data.
    pub async fn match_patient(&self, data: &Value) -> Result<Patient, ApiError> {
        let call = Call { body: Some(data), ..Call::default() };
        self.repeated(Method::POST, &format!("{PATH}/match"), call).await
    }

    /// The documents that were found about a patient.
    pub async fn documents(&self, id: PatientId) -> Result<Vec<Value>, ApiError> {
        self.get_all::<Documents>("/medical/v1/document", &[("patientId", id.to_string())]).await
    }

    /// How the search for a patient's documents stands.
    pub async fn document_query(&self, id: PatientId) -> Result<Value, ApiError> {
        self.get("/medical/v1/document/query", &[("patientId", id.to_string())]).await
    }

    /// Begins a search for a patient's documents.
    pub async fn start_document_query(
        &self,
        id: PatientId,
        facility: Option<FacilityId>,
    ) -> Result<Value, ApiError> {
        let mut query = vec![("patientId", id.to_string())];
        query.extend(facility.map(|id| ("facilityId", id.to_string())));
        self.repeated(Method::POST, "/medical/v1/document/query", Call { query: &query, ..Call::default() })
            .await
    }
}
