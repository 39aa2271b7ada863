//! `POST /medical/v1/patient/bulk?facilityId=&dryRun=`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::upload_terms::UploadTerms;
use pipeline::api::ApiError;
use pipeline::api::create_job::create_job;
use pipeline::api::get_job::JobView;
use pipeline::idempotency::{IdempotencyKey, Parameters as JobParameters};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Problem;
use crate::headers::one;
use crate::query::{Parameters, facility};
use crate::routes::get_job::{JobBody, Params};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkQuery {
    facility_id: Option<String>,
    dry_run: Option<String>,
}

/// A new job; or the job as it is now, where a key was used again.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    New(NewJobBody),
    Known(JobBody),
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = NewBulkRequest)]
pub struct NewJobBody {
    #[schema(value_type = String, format = "uuid")]
    request_id: domain::ids::JobId,
    #[schema(value_type = String, format = "uuid")]
    facility_id: domain::ids::FacilityId,
    #[schema(value_type = crate::shapes::JobStatusShape)]
    status: domain::job::JobStatus,
    /// `PUT` the file there.
    #[schema(value_type = Option<String>, format = "uri")]
    upload_url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    /// Headers to send along with the file.
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    upload_headers: BTreeMap<String, String>,
    params: Params,
    #[schema(value_type = String, format = DateTime)]
    created_at: domain::time::Timestamp,
    #[schema(value_type = String, format = DateTime)]
    upload_expires_at: domain::time::Timestamp,
}

/// Make an import and get a link to upload its file with.
///
/// `PUT` the CSV to `uploadUrl` within 10 minutes. The first upload counts.
#[utoipa::path(
    post, path = "/medical/v1/patient/bulk", operation_id = "createBulkRequest", tag = "bulk",
    params(
        ("facilityId" = Option<String>, Query, pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", description = "The facility of rows that name none. May be left out by who has one only."),
        ("dryRun" = Option<bool>, Query, description = "Only validate: create nothing."),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "The same key within 24 hours is the same import, with a fresh link while it takes its file."),
        ("x-upload-content-length" = Option<u64>, Header, minimum = 1, maximum = 1_073_741_824, description = "The file's exact size: the link takes no other."),
        ("x-upload-checksum-sha256" = Option<String>, Header, format = "sha256-base64", description = "The file's SHA-256 in base64: the link takes no other."),
    ),
    responses(
        (status = 200, description = "The import. `uploadUrl` is there while it takes its file.", body = NewJobBody),
        (status = 400, description = "What was sent cannot be understood; `detail` says what."),
        (status = 404, description = "There is no such object of yours."),
        (status = 409, description = "The Idempotency-Key was used with other parameters."),
    ),
)]
pub async fn handle(
    State(app): State<App>,
    Caller(customer): Caller,
    Parameters(query): Parameters<BulkQuery>,
    headers: HeaderMap,
) -> Result<Json<Answer>, Problem> {
    let parameters = JobParameters {
        facility: facility(query.facility_id.as_deref())?,
        dry_run: dry_run(query.dry_run.as_deref())?,
        terms: terms(&headers)?,
    };
    let key = idempotency_key(&headers)?;
    let new = create_job(&app.ports, customer, parameters, key.as_ref()).await?;
    let job = new.job;
    tracing::info!(job.id = %job.id, job.dry_run = job.dry_run, "Job created or recalled");
    let Some(upload) = new.upload else {
        return Ok(Json(Answer::Known(JobView { job, result: None, failures: None }.into())));
    };
    Ok(Json(Answer::New(NewJobBody {
        request_id: job.id,
        facility_id: job.facility,
        status: job.status,
        upload_url: upload.url,
        upload_headers: upload.headers,
        params: Params { dry_run: job.dry_run },
        created_at: job.created_at,
        upload_expires_at: job.upload_expires_at,
    })))
}

/// A mistyped dry run must not create patients, so that everything but the two words is refused.
fn dry_run(text: Option<&str>) -> Result<bool, ApiError> {
    match text.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" | "" => Ok(false),
        _ => Err(ApiError::BadRequest("dryRun must be true or false")),
    }
}

fn terms(headers: &HeaderMap) -> Result<UploadTerms, ApiError> {
    let bytes = one(headers, "x-upload-content-length", "x-upload-content-length must be sent once")?;
    let sha256 = one(headers, "x-upload-checksum-sha256", "x-upload-checksum-sha256 must be sent once")?;
    UploadTerms::parse(bytes, sha256).map_err(|problem| ApiError::BadHeader(problem.to_string()))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    const PROBLEM: &str = "Idempotency-Key must have 1 to 255 visible characters, and be sent once";
    let key = one(headers, "idempotency-key", PROBLEM)?;
    key.map(|key| key.parse().map_err(|_| ApiError::BadRequest(PROBLEM))).transpose()
}
