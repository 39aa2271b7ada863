//! `POST /medical/v1/patient/bulk?facilityId=&dryRun=`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use domain::upload_terms::UploadTerms;
use pipeline::api::ApiError;
use pipeline::api::create_job::CreateJobWith;
use pipeline::api::get_job::JobView;
use pipeline::api::idempotency::{IdempotencyKey, Parameters as JobParameters};
use serde::{Deserialize, Serialize};

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

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewJobBody {
    request_id: domain::ids::JobId,
    facility_id: domain::ids::FacilityId,
    status: domain::job::JobStatus,
    upload_url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    upload_headers: BTreeMap<String, String>,
    params: Params,
    created_at: domain::time::Timestamp,
    upload_expires_at: domain::time::Timestamp,
}

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
    let App { jobs, directory, files, world, .. } = &app;
    let create = CreateJobWith { jobs, directory, files, world };
    let new = create.create(customer, parameters, key.as_ref()).await?;
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
