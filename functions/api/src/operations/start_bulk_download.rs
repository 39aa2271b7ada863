//! `POST /medical/v1/document/download-url/bulk?patientId=`: has all documents of a patient
//! fetched, and links to them sent.

use std::collections::BTreeMap;

use axum::extract::State;
use bulk_domain::document::{BadMetadata, BulkDownload, Metadata};
use bulk_domain::ids::{CustomerId, DownloadId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_pipeline::conflicts::WriteAttempts;
use bulk_pipeline::messages::DownloadMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{Ports, Versioned, Write};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

use crate::audited::Audited;
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::operations::get_bulk_download::{BulkDownloadState, check_patient};
use crate::operations::get_document_query::PatientIdQuery;
use crate::request::{Parameters, RawBody, json_object, patient_id};

const NO_URL: ApiError = ApiError::BadRequest(
    "There is no webhook URL that the links can be sent to, please set one with POST /settings",
);

/// What a bulk download is asked for with.
#[derive(Deserialize, ToSchema)]
pub struct NewBulkDownload {
    #[schema(schema_with = texts)]
    metadata: Option<BTreeMap<String, String>>,
}

fn texts() -> Schema {
    let text = |most| ObjectBuilder::new().schema_type(Type::String).max_length(Some(most));
    let (entries, key, value) = Metadata::LIMITS;
    ObjectBuilder::new()
        .description(Some("Texts that come back in the webhook as `meta.data`."))
        .max_properties(Some(entries))
        .property_names(Some(text(key)))
        .additional_properties(Some(text(value)))
        .into()
}

/// Start a bulk download of a patient's documents
///
/// The service fetches all documents of the patient's last document query, and then sends a link to
/// each in the webhook `medical.document-bulk-download-urls`. A document that cannot be fetched is
/// left out there. Two hours after the service began to fetch, the links are sent that are there. A
/// patient has one bulk download at a time. While it has not ended, this call answers with it, and
/// does not take other metadata.
#[utoipa::path(
    post, path = "/medical/v1/document/download-url/bulk", operation_id = "startBulkDownload", tag = "document",
    params(PatientIdQuery),
    request_body = Option<NewBulkDownload>,
    responses(
        (status = 200, description = "The bulk download.", body = BulkDownloadState),
        (status = 400, description = "`patientId` is missing, `metadata` is not as described, or no webhook URL is set."),
        (status = 404, description = "Patient not found or opted out."),
        (status = 409, description = "This deployment has no gateway."),
        (status = 413, description = "The body is larger than 64 KiB."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<PatientIdQuery>,
    RawBody(body): RawBody,
) -> Result<Audited<BulkDownloadState>, ApiError> {
    let patient = patient_id(query.patient_id.as_deref())?;
    let metadata = metadata(&body)?;
    let download = start_bulk_download(backend.ports(), customer, patient, metadata).await?;
    tracing::info!(patient.id = %patient, request.id = %download.id, "Bulk download requested");
    Ok(Audited(download.into()))
}

/// Returns the metadata of a body, which is empty, `null` or a JSON object.
fn metadata(body: &[u8]) -> Result<Metadata, ApiError> {
    const MALFORMED: ApiError = ApiError::BadRequest(
        "The body is not a JSON object, or metadata is not an object of texts",
    );
    if matches!(body.trim_ascii(), b"" | b"null") {
        return Ok(Metadata::default());
    }
    let new: NewBulkDownload = json_object(body).ok_or(MALFORMED)?;
    new.metadata
        .unwrap_or_default()
        .try_into()
        .map_err(|problem: BadMetadata| ApiError::BadParameter(problem.to_string()))
}

/// Starts a bulk download, or returns the patient's bulk download that has not ended yet.
pub async fn start_bulk_download<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    metadata: Metadata,
) -> Result<BulkDownload, ApiError> {
    check_patient(ports, customer, patient).await?;
    if !ports.queues().has_gateway() {
        return Err(ApiError::Conflict("This deployment has no gateway to fetch documents from"));
    }
    if ports.directory().load_settings(customer).await?.url.is_none() {
        return Err(NO_URL);
    }
    let (download, is_new) = store(ports, customer, patient, metadata).await?;
    let is_carried = download.is_carried(ports.environment().now());
    // Also for a bulk download of an earlier call, which may have died before it sent the message.
    if is_new || !(is_carried || has(Bug::DownloadNotResumed)) {
        let message = DownloadMessage { customer, patient, download: download.id };
        ports.queues().send_download(&message).await?;
    }
    Ok(download)
}

/// Stores a bulk download and returns it with `true`, or returns the one that has not ended yet
/// with `false`.
async fn store<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    metadata: Metadata,
) -> Result<(BulkDownload, bool), ApiError> {
    let (downloads, environment) = (ports.downloads(), ports.environment());
    let id = DownloadId::new(environment.new_id());
    let download = BulkDownload::new(id, (customer, patient), metadata, environment.now());
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        let known = downloads.load_download(customer, patient).await?;
        let version = known.as_ref().map(|known| known.version);
        if let Some(Versioned { value: running, .. }) = known
            && running.tally.is_none()
        {
            return Ok((running, false));
        }
        if downloads.store_download(&download, version).await? == Write::Done {
            return Ok((download, true));
        }
    }
}
