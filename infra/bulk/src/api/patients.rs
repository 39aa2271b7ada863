//! Patients, and the documents that a gateway has about them.

use bulk_domain::ids::{FacilityId, PatientId};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::client::{Call, pairs};
use crate::api::list::List;
use crate::api::{ApiError, Client};

const PATH: &str = "/medical/v1/patient";

/// Most patients of a page, by the API.
const LARGEST_PAGE: usize = 500;

/// A patient, as the API returns it. Fields that a list does not show are kept as they are.
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

const PATIENTS: List = List { path: PATH, name: "patients" };

const DOCUMENTS: List = List { path: "/medical/v1/document", name: "documents" };

impl Client {
    /// Returns the patient with this id.
    pub async fn patient(&self, id: PatientId) -> Result<Patient, ApiError> {
        self.get(&format!("{PATH}/{id}"), &[]).await
    }

    /// Calls `visit` with the customer's patients, or those of a facility, up to `limit` of them.
    pub async fn each_patient(
        &self,
        facility: Option<FacilityId>,
        limit: usize,
        visit: impl FnMut(Patient) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut query = vec![("count", limit.min(LARGEST_PAGE).to_string())];
        query.extend(facility.map(|id| ("facilityId", id.to_string())));
        self.each(PATIENTS, &query, limit, visit).await
    }

    /// Returns the patient with an id of the customer's own.
    pub async fn patient_by_external_id(&self, external_id: &str) -> Result<Patient, ApiError> {
        self.get(&format!("{PATH}/external-id"), &[("externalId", external_id.to_owned())]).await
    }

    /// Returns the patient that an import would match with these data.
    pub async fn match_patient(&self, data: &Value) -> Result<Patient, ApiError> {
        let call = Call { body: Some(data), ..Call::default() };
        self.repeated(Method::POST, &format!("{PATH}/match"), call).await
    }

    /// Deletes the patient with this id, and its documents.
    pub async fn delete_patient(&self, id: PatientId) -> Result<(), ApiError> {
        self.repeated(Method::DELETE, &format!("{PATH}/{id}"), Call::default()).await
    }

    /// Returns the documents that were found about a patient.
    pub async fn documents(&self, id: PatientId) -> anyhow::Result<Vec<Value>> {
        let query = [("patientId", id.to_string()), ("output", "dto".to_owned())];
        self.get_all(DOCUMENTS, &query).await
    }

    /// Returns the state of a patient's document query.
    pub async fn document_query(&self, id: PatientId) -> Result<Value, ApiError> {
        self.get("/medical/v1/document/query", &[("patientId", id.to_string())]).await
    }

    /// Starts a document query for a patient.
    pub async fn start_document_query(
        &self,
        id: PatientId,
        facility: Option<FacilityId>,
    ) -> Result<Value, ApiError> {
        let mut query = vec![("patientId", id.to_string())];
        query.extend(facility.map(|id| ("facilityId", id.to_string())));
        self.repeated(
            Method::POST,
            "/medical/v1/document/query",
            Call { query: pairs(&query), ..Call::default() },
        )
        .await
    }
}
