//! Jobs: imports, which the API calls requests.

use std::time::Duration;

use bulk_domain::csv::ColumnMappings;
use bulk_domain::ids::{FacilityId, JobId};
use bulk_domain::job::JobStatus;
use bulk_domain::time::Timestamp;
use bulk_domain::undo::UndoStatus;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::api::client::{Call, pairs};
use crate::api::list::List;
use crate::api::{ApiError, Client};

const PATH: &str = "/medical/v1/patient/bulk";

/// Most imports of a page, by the API.
const LARGEST_PAGE: usize = 100;

/// An import, as the API returns it. Fields that this program does not know are kept for `--json`.
/// The links are not printed, because a link is enough to read the patients behind it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    #[serde(rename = "requestId")]
    pub id: JobId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub facility_id: Option<FacilityId>,
    pub status: JobStatus,
    #[serde(default)]
    pub params: Params,
    pub created_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upload_expires_at: Option<Timestamp>,
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub successful: u64,
    #[serde(default)]
    pub created: u64,
    #[serde(default)]
    pub updated: u64,
    #[serde(default)]
    pub unchanged: u64,
    #[serde(default)]
    pub failed: u64,
    #[serde(default)]
    pub warnings: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document_queries: Option<DocumentQueries>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(default, skip_serializing)]
    pub result: Option<String>,
    #[serde(default, skip_serializing)]
    pub failures: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<JobUndo>,
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// The undo of an import. The link is not printed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobUndo {
    pub status: Option<UndoStatus>,
    #[serde(default)]
    pub deleted: u64,
    #[serde(default)]
    pub kept: u64,
    #[serde(default, skip_serializing)]
    pub kept_patients: Option<String>,
}

/// The parameters that an import was created with.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Params {
    #[serde(default)]
    pub dry_run: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
}

/// What an import is created with.
#[derive(Clone, Debug)]
pub struct JobTerms {
    /// Facility of the rows that name none.
    pub facility: Option<FacilityId>,
    /// Whether the import only tells what it would do.
    pub dry_run: bool,
    /// What the user says about header cells.
    pub columns: ColumnMappings,
}

/// The document queries that an import started.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct DocumentQueries {
    pub total: u64,
    pub successful: u64,
    pub failed: u64,
}

impl DocumentQueries {
    /// Returns the number of completed queries.
    pub fn done(self) -> u64 {
        self.successful + self.failed
    }
}

impl Job {
    /// Returns the number of rows that have their outcome.
    pub fn done(&self) -> u64 {
        self.successful + self.failed
    }

    /// Returns whether every row has its outcome.
    pub fn has_all_rows(&self) -> bool {
        self.total > 0 && self.done() >= self.total
    }

    /// Returns the document queries, if every row has its outcome and some queries have not
    /// completed.
    pub fn queries_left(&self) -> Option<DocumentQueries> {
        self.document_queries
            .filter(|queries| self.has_all_rows() && queries.done() < queries.total)
    }

    /// Returns the number of completed rows and of all rows. Once all rows are completed: the same
    /// of document queries.
    pub fn progress(&self) -> (u64, u64) {
        self.queries_left()
            .map_or((self.done(), self.total), |queries| (queries.done(), queries.total))
    }

    /// Returns the time from the acceptance of the file to the end of the import.
    pub fn took(&self) -> Option<Duration> {
        let (start, end) = (self.started_at?, self.finished_at?);
        u64::try_from(end.as_millis() - start.as_millis()).ok().map(Duration::from_millis)
    }
}

/// A new import, and the link that its file is uploaded to.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJob {
    pub upload_url: String,
    /// Headers that the link was signed for. A service that signs none sends none.
    #[serde(default)]
    pub upload_headers: std::collections::BTreeMap<String, String>,
    #[serde(flatten)]
    pub job: Job,
}

const JOBS: List = List { path: PATH, name: "requests" };

impl Client {
    /// Creates an import. The call can be repeated, because the same idempotency key returns the
    /// same import.
    pub async fn create_job(
        &self,
        terms: &JobTerms,
        bytes: u64,
        idempotency_key: &str,
    ) -> Result<NewJob, ApiError> {
        let mut query = Vec::new();
        query.extend(terms.facility.map(|id| ("facilityId", id.to_string())));
        query.extend(terms.dry_run.then(|| ("dryRun", "true".to_owned())));
        query.extend(terms.columns.iter().map(|mapping| ("column", mapping.to_string())));
        let mut headers = HeaderMap::new();
        if let Ok(value) = HeaderValue::from_str(idempotency_key) {
            headers.insert("idempotency-key", value);
        }
        // The service signs the size into the link, so that S3 refuses a truncated upload.
        headers.insert("x-upload-content-length", HeaderValue::from(bytes));
        self.repeated(Method::POST, PATH, Call { query: pairs(&query), headers, body: None }).await
    }

    /// Returns the current state of an import.
    pub async fn job(&self, id: JobId) -> Result<Job, ApiError> {
        self.get(&format!("{PATH}/{id}"), &[]).await
    }

    /// Returns the current state of an import, without retries.
    pub async fn job_once(&self, id: JobId) -> Result<Job, ApiError> {
        self.get_once(&format!("{PATH}/{id}")).await
    }

    /// Calls `visit` with the customer's imports, newest first, up to `limit` of them.
    pub async fn each_job(
        &self,
        limit: usize,
        visit: impl FnMut(Job) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let count = limit.min(LARGEST_PAGE).to_string();
        self.each(JOBS, &[("count", count)], limit, visit).await
    }

    /// Cancels an import. The call can be repeated, because canceling twice has the effect of
    /// canceling once.
    pub async fn cancel_job(&self, id: JobId) -> Result<Job, ApiError> {
        self.repeated(Method::POST, &format!("{PATH}/{id}/cancel"), Call::default()).await
    }

    /// Undoes an import. The call can be repeated, because undoing twice has the effect of undoing
    /// once.
    pub async fn undo_job(&self, id: JobId) -> Result<Job, ApiError> {
        self.repeated(Method::POST, &format!("{PATH}/{id}/undo"), Call::default()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = r#"{"requestId":"01999999-9999-7999-8999-999999999999","status":"completed",
        "createdAt":"2026-01-01T00:00:00.000Z","result":"https://canary","failures":"https://canary",
        "undo":{"status":"completed","deleted":1,"kept":1,"keptPatients":"https://canary"},
        "novelty":1}"#;

    #[test]
    fn links_are_read_and_never_printed() {
        let job: Job = serde_json::from_str(JOB).unwrap();
        assert!(job.result.is_some() && job.failures.is_some());
        assert!(!serde_json::to_string(&job).unwrap().contains("canary"));
    }

    #[test]
    fn what_a_newer_service_adds_is_kept() {
        let job: Job = serde_json::from_str(JOB).unwrap();
        assert_eq!(serde_json::to_value(&job).unwrap()["novelty"], 1);
    }
}
