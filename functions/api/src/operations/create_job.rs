//! `POST /medical/v1/patient/bulk?facilityId=&dryRun=&column=`: a new job and the link to upload
//! its file with.

mod recall;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use bulk_domain::audit::{Link, Objects};
use bulk_domain::csv::{ColumnMapping, ColumnMappings};
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::times::UPLOAD_WINDOW;
use bulk_domain::job::{Job, JobStatus, WAITING_JOBS};
use bulk_domain::time::Timestamp;
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::idempotency::{IdempotencyKey, Parameters as JobParameters};
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, UploadLink};
use serde::{Deserialize, Serialize};
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects, links};
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::error::{ApiError, Named as _};
use crate::operations::get_job::{BulkRequest, BulkRequestParams};
use crate::request::{Parameters, facility_id, header};

/// The longest time that a job waits: as long as its link is valid, and a minute for clocks that
/// differ.
const WAITS_FOR: Duration = UPLOAD_WINDOW.saturating_add(Duration::from_mins(1));

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct BulkQuery {
    /// Facility of rows that name no facility. Optional if you have exactly one facility.
    #[param(pattern = "^(|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$")]
    facility_id: Option<String>,
    /// Tell what the import would do, and change no patient: `true` or `false`. Default `false`.
    #[param(value_type = Option<bool>)]
    dry_run: Option<String>,
}

/// A new import with the link for its file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewBulkRequest {
    /// Id of the import.
    request_id: JobId,
    /// Facility of rows that name no facility.
    facility_id: FacilityId,
    status: JobStatus,
    /// Link to upload the file with, by `PUT`. Absent if the import takes no file any more, which
    /// is possible only for a repeated `Idempotency-Key`.
    #[schema(value_type = Option<String>, format = "uri")]
    upload_url: String,
    /// Headers that the upload has to send. Absent if there are none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    upload_headers: BTreeMap<String, String>,
    params: BulkRequestParams,
    created_at: Timestamp,
    /// End of the time in which the file can be uploaded.
    upload_expires_at: Timestamp,
}

/// The new job, or the job as it is now if an idempotency key is used again later.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    New(NewBulkRequest),
    Known(Box<BulkRequest>),
}

impl NamesObjects for Answer {
    fn objects(&self) -> Objects {
        match self {
            Self::New(job) => Objects {
                jobs: [job.request_id].into(),
                facilities: [job.facility_id].into(),
                ..links([(Link::Upload, true)])
            },
            Self::Known(job) => job.objects(),
        }
    }
}

/// Create an import and get a link to upload its file with
///
/// Upload the CSV to `uploadUrl` by `PUT` within 10 minutes. Only the first upload counts.
#[utoipa::path(
    post, path = "/medical/v1/patient/bulk", operation_id = "createBulkRequest", tag = "bulk",
    params(
        BulkQuery,
        ("column" = inline(Option<HashSet<ColumnMapping>>), Query, description = "What a header cell of the file means, if its name is not understood: `<column>:<text of the header cell>`, such as `dob:Birth Day`. May be sent several times, once for a column and once for a header cell, up to 8 KiB together. A cell that the file lacks fails the import."),
        ("Idempotency-Key" = Option<String>, Header, pattern = "^[!-~]{1,255}$", description = "1 to 255 visible ASCII characters. A repeated key within 24 hours answers with the same import, and with a fresh link if it still takes a file."),
        ("x-upload-content-length" = Option<u64>, Header, minimum = 1, maximum = 1_073_741_824, description = "Size of the file in bytes, up to 1 GiB. The link then takes no other size."),
        ("x-upload-checksum-sha256" = Option<String>, Header, format = "sha256-base64", description = "SHA-256 of the file in Base64. The link then takes no other file."),
    ),
    responses(
        (status = 200, description = "The import.", body = NewBulkRequest),
        (status = 400, description = "Invalid parameter or header (`detail` names it), or no `facilityId` although you have several facilities."),
        (status = 404, description = "Facility not found."),
        (status = 409, description = "The `Idempotency-Key` was used with other parameters."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Parameters(query): Parameters<BulkQuery>,
    RawQuery(url_query): RawQuery,
    headers: HeaderMap,
) -> Result<Audited<Answer>, ApiError> {
    let parameters = JobParameters {
        facility: facility_id(query.facility_id.as_deref())?,
        dry_run: dry_run(query.dry_run.as_deref())?,
        columns: columns(url_query.as_deref())?,
        terms: terms(&headers)?,
    };
    let key = idempotency_key(&headers)?;
    let NewJob { job, upload } =
        create_job(backend.ports(), customer, parameters, key.as_ref()).await?;
    tracing::info!(job.id = %job.id, job.dry_run = job.dry_run, "Job created or recalled");
    let Some(upload) = upload else { return Ok(Audited(Answer::Known(Box::new(job.into())))) };
    Ok(Audited(Answer::New(NewBulkRequest {
        request_id: job.id,
        facility_id: job.facility,
        status: job.status,
        upload_url: upload.url,
        upload_headers: upload.headers,
        params: BulkRequestParams { dry_run: job.dry_run, columns: job.mappings },
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

/// Reads the parameter that may be sent several times.
fn columns(query: Option<&str>) -> Result<ColumnMappings, ApiError> {
    let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).collect();
    let texts = pairs.iter().filter(|(name, _)| name == "column").map(|(_, text)| text.as_ref());
    ColumnMappings::parse(texts).map_err(|problem| ApiError::BadParameter(problem.to_string()))
}

fn terms(headers: &HeaderMap) -> Result<UploadTerms, ApiError> {
    let bytes =
        header(headers, "x-upload-content-length", "x-upload-content-length must be sent once")?;
    let sha256 =
        header(headers, "x-upload-checksum-sha256", "x-upload-checksum-sha256 must be sent once")?;
    UploadTerms::parse(bytes, sha256).map_err(|problem| ApiError::BadHeader(problem.to_string()))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, ApiError> {
    const PROBLEM: &str = "Idempotency-Key must have 1 to 255 visible characters, and be sent once";
    let key = header(headers, "idempotency-key", PROBLEM)?;
    key.map(|key| key.parse().map_err(|_| ApiError::BadRequest(PROBLEM))).transpose()
}

/// A job and the link for its file.
#[derive(Clone, PartialEq, Debug)]
pub struct NewJob {
    /// The job as it is stored.
    pub job: Job,
    /// The link; none for a job that takes no file any more, which is possible only for a repeated
    /// idempotency key.
    pub upload: Option<UploadLink>,
}

/// Creates a job, or returns the job that was created with the key before.
pub async fn create_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    parameters: JobParameters,
    key: Option<&IdempotencyKey>,
) -> Result<NewJob, ApiError> {
    match key {
        None => create_once(ports, customer, parameters).await,
        Some(key) => recall::create_or_recall(ports, customer, parameters, key).await,
    }
}

async fn create_once<P: Ports>(
    ports: &P,
    customer: CustomerId,
    parameters: JobParameters,
) -> Result<NewJob, ApiError> {
    let facility = choose_facility(ports, customer, parameters.facility).await?;
    let id = open_job(ports, customer).await?;
    let job = parameters.new_job(id, customer, facility, ports.environment().now());
    // Before the job is stored, because a link that is signed later would begin uploads after the
    // job has expired.
    let upload =
        ports.objects().sign_upload((&job).into(), &parameters.terms, UPLOAD_WINDOW).await?;
    ports.jobs().create_job(&job).await?;
    Ok(NewJob { job, upload: Some(upload) })
}

/// Draws the id of a new job and adds the job to the open jobs of the customer.
///
/// Ids order jobs: an older job does not overwrite what a newer job wrote. So `fan_out` has to
/// know, when it accepts the file of a job, every older job that will be stored. It notes that its
/// job stopped waiting before it looks for older jobs, and this call looks for newer jobs after it
/// added its own. So if `fan_out` missed this job, this call sees a newer job that does not wait
/// any more, and draws a later id. That needs a job of the same customer that was created, and its
/// file accepted, between two calls to DynamoDB.
async fn open_job<P: Ports>(ports: &P, customer: CustomerId) -> Result<JobId, ApiError> {
    let (jobs, environment) = (ports.jobs(), ports.environment());
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let now = environment.now();
        let id = JobId::new(environment.new_id());
        jobs.add_open_job(customer, id, now).await?;
        let oldest = JobId::first_at(now.minus(WAITS_FOR));
        let open = jobs.open_jobs(customer, oldest..=*JobId::ALL.end(), now).await?;
        if open.iter().filter(|open| open.is_waiting).count() > WAITING_JOBS {
            jobs.remove_open_job(customer, id).await?;
            return Err(ApiError::TooManyWaiting);
        }
        if !open.iter().any(|open| open.job > id && !open.is_waiting) {
            return Ok(id);
        }
        jobs.remove_open_job(customer, id).await?;
    }
}

/// Returns the facility that the caller named, or the customer's only facility.
async fn choose_facility<P: Ports>(
    ports: &P,
    customer: CustomerId,
    named: Option<FacilityId>,
) -> Result<FacilityId, ApiError> {
    let known = ports.directory().load_directory(customer).await?.ids.facilities;
    match named {
        Some(named) => known.get(&named).copied().ok_or(FacilityId::NOT_FOUND),
        None => match (known.iter().next(), known.len()) {
            (None, _) => Err(FacilityId::NOT_FOUND),
            (Some(only), 1) => Ok(*only),
            (Some(_), _) => Err(ApiError::BadRequest(
                "More than one facility found, please specify a facility ID",
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_of_the_query_is_read_and_a_bad_one_is_named_by_its_number() {
        let read =
            columns(Some("dryRun=true&column=dob:Born+On&facilityId=&column=zip-2:a%3Ab%26"));
        let texts: Vec<String> = read.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["dob:Born On", "zip-2:a:b&"]);
        assert!(columns(None).unwrap().is_empty());
        let problem = columns(Some("column=dob:Born&column=nickname:x")).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "column 2 does not begin with a column of the import, such as dob or zip-2"
        );
    }
}
