//! `GET /medical/v1/patient/bulk/{requestId}`: a job as of now, with fresh links.

use axum::extract::State;
use bulk_domain::audit::{Link, Objects};
use bulk_domain::csv::{ColumnMappings, HeaderCell};
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::job::{Job, JobEvent, JobStatus};
use bulk_domain::time::Timestamp;
use bulk_domain::undo::{Undo, UndoStatus};
use bulk_pipeline::deliver_webhook::RESULT_LINK_VALID;
use bulk_pipeline::end_job::is_expired;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, ResultFile};
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects, links};
use crate::backend::Backend;
use crate::caller::{Caller, Import};
use crate::error::{ApiError, Named as _};
use crate::request::Id;

/// Parameters of an import.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkRequestParams {
    /// Whether the import only tells what it would do, and changes nothing.
    pub dry_run: bool,
    /// What the import was told about header cells: `<column>:<text of the header cell>`. Absent if
    /// nothing.
    #[serde(skip_serializing_if = "ColumnMappings::is_empty")]
    #[schema(value_type = Option<Vec<String>>)]
    pub columns: ColumnMappings,
}

/// Document queries of an import. A failed query, or one that passed its deadline, does not fail
/// its row.
#[derive(Debug, Serialize, ToSchema)]
struct BulkRequestQueries {
    /// Queries that rows have started.
    total: u32,
    /// Queries that have ended with an answer.
    successful: u32,
    /// Queries that have ended without an answer.
    failed: u32,
}

/// The undo of an import: what became of the patients that the import created or updated.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct BulkRequestUndo {
    status: UndoStatus,
    /// Patients that have been deleted so far.
    deleted: u32,
    /// Patients that stay so far, because they existed before, or because a later import or a call
    /// has changed them.
    kept: u32,
    /// Time of the first call that asked for the undo.
    started_at: Timestamp,
    /// End of the undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    /// Link to the kept patients: of each the first row that created or updated it, with the
    /// reason. In the format of the failed rows. Valid for 3 minutes. Absent until the undo has
    /// ended, if no patient is kept, and in lists of imports.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    kept_patients: Option<String>,
}

impl From<Undo> for BulkRequestUndo {
    fn from(undo: Undo) -> Self {
        Self {
            status: undo.status(),
            deleted: undo.tally.deleted,
            kept: undo.tally.kept,
            started_at: undo.started_at,
            finished_at: undo.finished_at,
            kept_patients: None,
        }
    }
}

/// An import with its progress and links to its files.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkRequest {
    /// Id of the import.
    pub request_id: JobId,
    /// Facility of rows that name no facility.
    facility_id: FacilityId,
    status: JobStatus,
    params: BulkRequestParams,
    created_at: Timestamp,
    /// End of the time in which the file can be uploaded.
    upload_expires_at: Timestamp,
    /// Number of rows. 0 until the file has been read.
    total: u32,
    /// Rows that succeeded so far: the sum of `created`, `updated` and `unchanged`.
    successful: u32,
    /// Rows that have created a patient. In a dry run, rows that would create one.
    created: u32,
    /// Rows that have changed a patient, also one that an earlier row of the file created. In a dry
    /// run, rows that would change one.
    updated: u32,
    /// Rows that have changed nothing, because their patient already had everything that they say.
    unchanged: u32,
    /// Rows that failed so far.
    failed: u32,
    /// Rows that succeeded with a warning so far. The result file names each warning.
    warnings: u32,
    /// Share of rows that have succeeded or failed, from 0 to 1.
    #[schema(minimum = 0, maximum = 1)]
    progress: f64,
    /// Present once rows have started document queries. The import is `processing` until all of
    /// them have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    document_queries: Option<BulkRequestQueries>,
    /// Every header cell of the file in its order, with the column that it was taken for. Absent
    /// until the file has been read, and in lists of imports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<HeaderCell>>,
    /// Time at which processing began.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    /// End of the import.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<Timestamp>,
    /// Why the import failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Link to the result file: every row with its outcome. Valid for 3 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    result: Option<String>,
    /// Link to the failed rows, ready to be corrected and uploaded. Valid for 3 minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    failures: Option<String>,
    /// Present once the import is being undone.
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<BulkRequestUndo>,
}

impl NamesObjects for BulkRequest {
    fn objects(&self) -> Objects {
        let kept = self.undo.as_ref().and_then(|undo| undo.kept_patients.as_ref());
        let links = links([
            (Link::Result, self.result.is_some()),
            (Link::Failures, self.failures.is_some()),
            (Link::Kept, kept.is_some()),
        ]);
        Objects { jobs: [self.request_id].into(), ..links }
    }
}

/// Read an import and get fresh links to its files
#[utoipa::path(
    get, path = "/medical/v1/patient/bulk/{id}", operation_id = "getBulkRequest", tag = "bulk",
    params(Id<JobId>),
    responses(
        (status = 200, description = "The import.", body = BulkRequest),
        (status = 404, description = "Not found."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<Import>,
    Id(id): Id<JobId>,
) -> Result<Audited<BulkRequest>, ApiError> {
    let JobWithLinks { job, result, failures, kept } =
        get_job(backend.ports(), customer, id).await?;
    let undo = job.undo.clone().map(|undo| BulkRequestUndo { kept_patients: kept, ..undo.into() });
    Ok(Audited(BulkRequest { result, failures, undo, ..job.into() }))
}

/// A job with links to its result files.
#[derive(Debug)]
pub struct JobWithLinks {
    /// The job as it is now.
    pub job: Job,
    /// Link to the result file, if the job has one.
    pub result: Option<String>,
    /// Link to the failed rows, if the job has any.
    pub failures: Option<String>,
    /// Link to the patients that the undo of the job keeps, if it has a file of them.
    pub kept: Option<String>,
}

/// Returns a job of this customer. If the upload link of the job ran out, the job expires here
/// already, so that the caller does not wait for the sweep.
pub async fn get_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: JobId,
) -> Result<JobWithLinks, ApiError> {
    let job = load_job(ports, customer, id).await?;
    let job = settled(ports, job).await?;
    let files = ports.objects();
    let (mut result, mut failures) = (None, None);
    if job.has_results() {
        result =
            Some(files.sign_download((&job).into(), ResultFile::Result, RESULT_LINK_VALID).await?);
        if job.tally.failed > 0 {
            failures = Some(
                files.sign_download((&job).into(), ResultFile::Failures, RESULT_LINK_VALID).await?,
            );
        }
    }
    let mut kept = None;
    if job.undo.as_ref().is_some_and(|undo| undo.has_kept_file) {
        kept = Some(files.sign_download((&job).into(), ResultFile::Kept, RESULT_LINK_VALID).await?);
    }
    Ok(JobWithLinks { job, result, failures, kept })
}

/// Returns the job as callers see it: expired from the time at which its upload link ran out.
pub(super) async fn settled<P: Ports>(ports: &P, job: Job) -> Result<Job, ApiError> {
    if !is_expired(ports, &job).await? {
        return Ok(job);
    }
    let (customer, id) = (job.customer, job.id);
    // The job stays on the sweep's list, because an upload that is still running may end within the
    // next hour.
    if let Ok(expired) = job.end(JobEvent::UploadExpired, None, ports.environment().now()) {
        let _ = ports.jobs().change_state(JobStatus::Waiting, &expired).await?;
    }
    load_job(ports, customer, id).await
}

/// Returns the job with this id as it is stored, if it is one of this customer.
pub(super) async fn load_job<P: Ports>(
    ports: &P,
    customer: CustomerId,
    id: JobId,
) -> Result<Job, ApiError> {
    ports.jobs().load_job(id).await?.filter(|job| job.customer == customer).ok_or(JobId::NOT_FOUND)
}

impl BulkRequest {
    /// Returns the job without columns, which a page of wide files would be full of.
    pub(super) fn in_list(self) -> Self {
        Self { columns: None, ..self }
    }
}

impl From<Job> for BulkRequest {
    /// Returns the job without links.
    fn from(job: Job) -> Self {
        let columns = job.file.as_ref().map(|file| file.columns.report());
        let (total, progress) = (job.total(), job.progress());
        Self {
            request_id: job.id,
            facility_id: job.facility,
            status: job.status,
            params: BulkRequestParams { dry_run: job.dry_run, columns: job.mappings },
            columns,
            created_at: job.created_at,
            upload_expires_at: job.upload_expires_at,
            total,
            successful: job.tally.successful(),
            created: job.tally.created,
            updated: job.tally.updated,
            unchanged: job.tally.unchanged,
            failed: job.tally.failed,
            warnings: job.tally.warnings,
            progress,
            document_queries: (job.queries > 0).then_some(BulkRequestQueries {
                total: job.queries,
                successful: job.queries_ended.successful,
                failed: job.queries_ended.failed,
            }),
            started_at: job.started_at,
            finished_at: job.finished_at,
            reason: job.reason,
            result: None,
            failures: None,
            undo: job.undo.map(BulkRequestUndo::from),
        }
    }
}
