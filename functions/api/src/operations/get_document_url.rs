//! `GET /medical/v1/document/download-url?fileName=`: a link to the content of a document.
//!
//! The first call for a document asks `query-documents` to copy the content from the gateway to the
//! bucket, and waits for the copy. Later calls find the copy until its retention ends. The API does
//! not fetch the content itself, because a gateway may take longer than a caller can wait: a call
//! that waited in vain is answered 503, and the copy is there for the next one.

use std::time::Duration;

use axum::extract::State;
use bulk_domain::audit::{Link, Objects};
use bulk_domain::document::{
    CopyDecision, CopyFailure, CopyState, DocumentName, content_disposition,
};
use bulk_domain::ids::CustomerId;
use bulk_domain::media_type::MediaType;
use bulk_pipeline::documents::find_document;
use bulk_pipeline::messages::CopyMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, Ports};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects, links};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::request::Parameters;

/// Time for which a link is valid, as in the public API.
const VALID: Duration = Duration::from_mins(1);

/// Looks at the record of a copy that is being fetched, and the pause before each. The looks take
/// nine seconds of the twelve in which the API answers.
const LOOKS: u32 = 18;
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// The pause that a caller is asked for while the copy is being fetched.
const FETCH_PAUSE: Duration = Duration::from_secs(5);

const NOT_FOUND: ApiError = ApiError::NotFound("Could not find document");

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct FileNameQuery {
    /// The `fileName` of a document in the list of documents.
    #[param(required, value_type = String)]
    file_name: Option<String>,
}

/// A link to a document.
#[derive(Debug, Serialize, ToSchema)]
pub struct DocumentUrl {
    /// Answers `GET` with the document, as a file to save. Valid for 60 seconds.
    #[schema(format = "uri")]
    url: String,
}

impl NamesObjects for DocumentUrl {
    fn objects(&self) -> Objects {
        // The query string has named the patient.
        Objects { documents: 1, ..links([(Link::Document, true)]) }
    }
}

/// Get a link to download a document
///
/// The first call fetches the document from the gateway and can take 10 seconds. The service then
/// keeps a copy, for 7 days unless your operator has set another time. A slow gateway is answered
/// 503: the service goes on fetching, so that a call after `Retry-After` finds the document.
#[utoipa::path(
    get, path = "/medical/v1/document/download-url", operation_id = "getDocumentUrl", tag = "document",
    params(FileNameQuery),
    responses(
        (status = 200, description = "The link.", body = DocumentUrl),
        (status = 400, description = "`fileName` is missing."),
        (status = 404, description = "There is no such document, or the gateway does not have it any more."),
        (status = 502, description = "The gateway did not answer with the document. `detail` says what is wrong."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<FileNameQuery>,
) -> Result<Audited<DocumentUrl>, ApiError> {
    let name = query.file_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let name = name.ok_or(ApiError::BadRequest("fileName is missing"))?;
    let document = name.parse().map_err(|_| NOT_FOUND)?;
    Ok(Audited(DocumentUrl {
        url: link_to_copy(backend.ports(), customer, document, LOOKS).await?,
    }))
}

/// Returns a link to the copy of a document. If the copy is being fetched, looks for it so many
/// times, with half a second between them.
///
/// # Errors
///
/// There is no such document, its content could not be fetched, or it is not there yet.
pub async fn link_to_copy<P: Ports>(
    ports: &P,
    customer: CustomerId,
    document: DocumentName,
    looks: u32,
) -> Result<String, ApiError> {
    let mut download = Download::of(ports, customer, document).await?;
    for _ in 0..looks {
        if let Some(url) = download.look().await? {
            return Ok(url);
        }
        tokio::time::sleep(LOOK_PAUSE).await;
    }
    Err(ApiError::NotYet("The document is being fetched from the gateway", FETCH_PAUSE))
}

/// A document that a caller downloads.
#[derive(Debug)]
pub struct Download<'a, P> {
    ports: &'a P,
    copy: CopyRef,
    /// Whether this call has asked for a copy.
    is_asked_for: bool,
}

impl<'a, P: Ports> Download<'a, P> {
    /// Returns the download of this document of a patient of the customer.
    ///
    /// # Errors
    ///
    /// There is no such document, or its patient is opted out.
    pub async fn of(
        ports: &'a P,
        customer: CustomerId,
        document: DocumentName,
    ) -> Result<Self, ApiError> {
        let copy = CopyRef { customer, document };
        let mut patients = ports.patients().load_patients(customer, &[document.patient]).await?;
        let patient = patients.remove(&document.patient).map(|record| record.patient);
        if patient.is_none_or(|patient| patient.hie_opt_out) {
            return Err(NOT_FOUND);
        }
        find_document(ports, copy).await?.ok_or(NOT_FOUND)?;
        Ok(Self { ports, copy, is_asked_for: false })
    }

    /// Returns a link to the copy, or `None` while the copy is being fetched. The first look asks
    /// for the copy if there is none.
    ///
    /// # Errors
    ///
    /// The copy could not be fetched.
    pub async fn look(&mut self) -> Result<Option<String>, ApiError> {
        let stored = self.ports.documents().load_copy(self.copy).await?;
        let (state, version) = stored.map(|stored| (stored.value, stored.version)).unzip();
        match CopyState::decide(state, self.ports.environment().now()) {
            CopyDecision::Stored => {
                if let Some(media_type) = self.ports.copies().find_copy(self.copy).await? {
                    return Ok(Some(self.link(&media_type).await?));
                }
                // The copy was deleted at the end of its retention.
            }
            CopyDecision::Failed(failure, pause) => return Err(error_of(failure, pause)),
            CopyDecision::Wait => return Ok(None),
            CopyDecision::Fetch => {}
        }
        if !std::mem::replace(&mut self.is_asked_for, true) {
            if !self.ports.queues().has_gateway() {
                return Err(NOT_FOUND);
            }
            let CopyRef { customer, document } = self.copy;
            let message = CopyMessage { customer, document, version };
            self.ports.queues().send_copy(&message).await?;
        }
        Ok(None)
    }

    async fn link(&self, media_type: &MediaType) -> Result<String, ApiError> {
        // Not the title: CloudTrail and proxies keep links, and a title can tell of a patient.
        let disposition = content_disposition(self.copy.document, media_type);
        Ok(self.ports.copies().sign_copy(self.copy, media_type, &disposition, VALID).await?)
    }
}

/// Returns what a caller is told about a failure, after which the gateway is left alone for the
/// time `pause`.
fn error_of(failure: CopyFailure, pause: Duration) -> ApiError {
    match failure {
        CopyFailure::Gone => ApiError::NotFound("The gateway does not have the document any more"),
        CopyFailure::Unavailable => ApiError::NotYet("The gateway does not answer", pause),
        CopyFailure::Refused => ApiError::BadGateway("The gateway refused to give the document"),
        CopyFailure::AddressNotAllowed => ApiError::BadGateway(
            "The document is on a server that this service must not fetch documents from",
        ),
        CopyFailure::TooLarge => {
            ApiError::BadGateway("The document is larger than this service takes")
        }
        CopyFailure::NotTheDocument => ApiError::BadGateway(
            "The gateway answered something else than a document of the listed type",
        ),
    }
}
