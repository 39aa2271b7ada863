//! `GET /medical/v1/document/download-url/bulk?patientId=`: the state of the newest bulk download
//! of a patient's documents.

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::document::{BulkDownload, DownloadTally};
use bulk_domain::ids::{CustomerId, DownloadId, PatientId};
use bulk_pipeline::ports::Ports;
use bulk_pipeline::ports::prelude::*;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::{ApiError, Named as _};
use crate::operations::get_document_query::PatientIdQuery;
use crate::operations::get_patient::get_patient;
use crate::request::{Parameters, patient_id};

/// A bulk download of a patient's documents.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BulkDownloadState {
    /// Id of the bulk download, which its webhook has as `meta.requestId`.
    request_id: DownloadId,
    status: BulkDownloadStatus,
    /// Number of the patient's documents. Present once the bulk download has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u32>,
    /// Number of documents that were fetched. Present once the bulk download has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    successful: Option<u32>,
    /// Number of documents that could not be fetched, for which there is no link. Present once the
    /// bulk download has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<u32>,
}

/// Status of a bulk download: `failed` if the patient has documents and none could be fetched.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum BulkDownloadStatus {
    Processing,
    Completed,
    Failed,
}

impl NamesObjects for BulkDownloadState {
    fn objects(&self) -> Objects {
        // The query string has named the patient.
        Objects::default()
    }
}

impl From<BulkDownload> for BulkDownloadState {
    fn from(download: BulkDownload) -> Self {
        let status = match download.tally {
            None => BulkDownloadStatus::Processing,
            Some(tally) if tally.is_success() => BulkDownloadStatus::Completed,
            Some(_) => BulkDownloadStatus::Failed,
        };
        Self {
            request_id: download.id,
            status,
            total: download.tally.map(|tally| tally.total),
            successful: download.tally.map(|tally| tally.successful),
            errors: download.tally.map(DownloadTally::errors),
        }
    }
}

/// Read the state of a bulk download
///
/// The state is that of the patient's newest bulk download.
#[utoipa::path(
    get, path = "/medical/v1/document/download-url/bulk", operation_id = "getBulkDownload", tag = "document",
    params(PatientIdQuery),
    responses(
        (status = 200, description = "The bulk download.", body = BulkDownloadState),
        (status = 400, description = "`patientId` is missing."),
        (status = 404, description = "Patient not found or opted out, or there was no bulk download of its documents."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<PatientIdQuery>,
) -> Result<Audited<BulkDownloadState>, ApiError> {
    const NONE: ApiError =
        ApiError::NotFound("There was no bulk download of the patient's documents");
    let (ports, patient) = (backend.ports(), patient_id(query.patient_id.as_deref())?);
    check_patient(ports, customer, patient).await?;
    let stored = ports.downloads().load_download(customer, patient).await?.ok_or(NONE)?;
    Ok(Audited(stored.value.into()))
}

/// Checks that the patient is one of the customer's, and is not opted out: links are for neither.
pub async fn check_patient<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> Result<(), ApiError> {
    let is_opted_out = get_patient(ports, customer, patient).await?.hie_opt_out;
    if is_opted_out { Err(PatientId::NOT_FOUND) } else { Ok(()) }
}
