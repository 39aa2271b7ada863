//! Copies the content of a document from the gateway to the bucket, when a caller asks for it.
//!
//! The content is fetched by a function of its own queue and not by the API, because a gateway may
//! take minutes: it creates documents on demand, or relays them from other gateways. API Gateway
//! waits for 29 seconds only. A caller who waits in vain asks again, and finds the copy.
//!
//! The message names the version of the copy's record that the caller saw. Only the worker that
//! replaces this version by its lease fetches the content, so that many callers cause one fetch,
//! and a message that is received twice or late causes none. Nothing is retried here: after a
//! failure, the next caller decides about another attempt.

use bulk_domain::audit::{Action, Actor, AuditEvent, ImportStep, Objects, Phase};
use bulk_domain::document::{CopyFailure, CopyState, DocumentRecord};
use bulk_domain::media_type::{HEAD_BYTES, MediaType};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::query::QueryAttemptId;
use bulk_domain::time::Timestamp;

use crate::Error;
use crate::documents::{delete_copies, find_document};
use crate::messages::CopyMessage;
use crate::ports::prelude::*;
use crate::ports::{
    CopyRef, DocumentContent, DocumentSource, FetchError, PortError, PortResult, Ports, Write,
};

/// The outcome of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CopyOutcome {
    /// The content is stored, with this number of bytes.
    Stored(u64),
    /// The content could not be fetched, for this cause.
    Failed(FetchError),
    /// Another message caused the fetch already.
    NotNeeded,
    /// The patient was deleted, or opted out, and nothing of the content is left.
    Withdrawn,
}

/// A fetch that ended without a stored content.
enum Unfetched {
    /// The patient does not exist, or is opted out.
    Withdrawn,
    /// The content could not be fetched.
    Failed(FetchError),
    /// A call of AWS failed.
    Call(PortError),
}

impl From<PortError> for Unfetched {
    fn from(error: PortError) -> Self {
        Self::Call(error)
    }
}

impl From<FetchError> for Unfetched {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

/// Handles one message. Stores a content of up to `most_bytes`. Safe to repeat, concurrently and
/// late.
///
/// # Errors
///
/// A call of AWS failed. A failure of the gateway is an outcome.
pub async fn copy_document<P: Ports, S: DocumentSource>(
    ports: &P,
    source: &S,
    most_bytes: u64,
    message: &CopyMessage,
) -> Result<CopyOutcome, Error> {
    copy(ports, source, most_bytes, message, None).await
}

/// Handles one message as [`copy_document`] does. `known` is the document, if the caller has read
/// it: with many documents it takes many calls to find one of them.
pub(crate) async fn copy<P: Ports, S: DocumentSource>(
    ports: &P,
    source: &S,
    most_bytes: u64,
    message: &CopyMessage,
    known: Option<&DocumentRecord>,
) -> Result<CopyOutcome, Error> {
    let attempt = QueryAttemptId::new(ports.environment().new_id());
    let Some(version) = lease(ports, message, attempt).await? else {
        return Ok(CopyOutcome::NotNeeded);
    };
    let copy = message.copy_ref();
    let now = || ports.environment().now();
    let (state, outcome) = match fetch(ports, source, most_bytes, copy, known).await {
        Ok(bytes) => (CopyState::Stored(now()), Ok(CopyOutcome::Stored(bytes))),
        Err(Unfetched::Withdrawn) => {
            delete_copies(ports, copy.customer, copy.document.patient).await?;
            return Ok(CopyOutcome::Withdrawn);
        }
        Err(Unfetched::Failed(error)) => (
            CopyState::failed(error.failure, error.retry_after, now()),
            Ok(CopyOutcome::Failed(error)),
        ),
        Err(Unfetched::Call(error)) => {
            (CopyState::failed(CopyFailure::Unavailable, None, now()), Err(Error::from(error)))
        }
    };
    if ports.documents().store_copy(copy, state, Some(version)).await? == Write::Conflict
        && ports.documents().load_copy(copy).await?.is_none()
    {
        // The patient was deleted or opted out while the content was fetched.
        ports.copies().delete_copies(copy.customer, copy.document.patient).await?;
        return Ok(CopyOutcome::Withdrawn);
    }
    outcome
}

/// Takes the lease of a copy. Returns the version of the record with the lease, or `None` if the
/// record is not as the message says.
async fn lease<P: Ports>(
    ports: &P,
    message: &CopyMessage,
    attempt: QueryAttemptId,
) -> PortResult<Option<u64>> {
    let copy = message.copy_ref();
    let leased = CopyState::leased(attempt, ports.environment().now());
    match ports.documents().store_copy(copy, leased, message.version).await? {
        Write::Done => Ok(Some(message.version.unwrap_or(0) + 1)),
        // The conflict may be with this attempt itself, if the answer to its write was lost.
        Write::Conflict => {
            let Some(stored) = ports.documents().load_copy(copy).await? else {
                // The record was deleted with the patient's documents. An earlier attempt may have
                // died after it stored the content.
                ports.copies().delete_copies(copy.customer, copy.document.patient).await?;
                return Ok(None);
            };
            let is_own = stored.value.is_leased_to(attempt) || has(Bug::CopyLeaseIgnored);
            // An earlier attempt of this message may have died with the lease after a content was
            // stored that should be deleted, and no caller asks for this document any more.
            if !is_own && is_withdrawn(ports, copy).await? {
                delete_copies(ports, copy.customer, copy.document.patient).await?;
            }
            Ok(is_own.then_some(stored.version))
        }
    }
}

/// Returns whether the patient of a document is deleted or opted out.
async fn is_withdrawn<P: Ports>(ports: &P, copy: CopyRef) -> PortResult<bool> {
    let CopyRef { customer, document } = copy;
    let mut patients = ports.patients().load_patients(customer, &[document.patient]).await?;
    Ok(patients.remove(&document.patient).is_none_or(|record| record.patient.hie_opt_out))
}

/// Fetches and stores a content. Returns its number of bytes.
///
/// The patient is looked up after the lease was taken: a patient who is deleted or opted out later
/// takes the record of the copy along, which this attempt notices at its end.
async fn fetch<P: Ports, S: DocumentSource>(
    ports: &P,
    source: &S,
    most_bytes: u64,
    copy: CopyRef,
    known: Option<&DocumentRecord>,
) -> Result<u64, Unfetched> {
    if is_withdrawn(ports, copy).await? {
        return Err(Unfetched::Withdrawn);
    }
    let record = match known {
        Some(record) => record.clone(),
        None => find_document(ports, copy)
            .await?
            .ok_or_else(|| failed(CopyFailure::Gone, "a newer query did not find the document"))?,
    };
    ports.audit_trail().record(&audit_event(copy, ports.environment().now())).await?;
    let mut content = source.open(&record).await?;
    // The announced size only saves the transfer: the bytes that arrive are counted below.
    if content.announced_bytes().is_some_and(|bytes| bytes > most_bytes) {
        return Err(too_large().into());
    }
    let media_type = content.media_type().clone();
    let head = head_of(&mut content, &media_type).await?;
    let mut bytes = head.len() as u64;
    let mut writer = ports.copies().write_copy(copy, &media_type).await?;
    writer.write(&head).await?;
    while bytes <= most_bytes
        && let Some(piece) = content.next().await?
    {
        bytes += piece.len() as u64;
        writer.write(&piece).await?;
    }
    if bytes > most_bytes {
        return Err(too_large().into());
    }
    writer.finish().await?;
    Ok(bytes)
}

/// Returns the event that the gateway is about to be asked for a document of the patient.
fn audit_event(copy: CopyRef, now: Timestamp) -> AuditEvent {
    AuditEvent {
        time: now,
        phase: Phase::Begun,
        action: Action::Import(ImportStep::CopyDocument),
        customer: Some(copy.customer),
        actor: Actor::Service,
        objects: Objects { patients: [copy.document.patient].into(), ..Objects::default() },
        outcome: None,
    }
}

/// Returns the first bytes of a content, which have to be of its media type.
async fn head_of(
    content: &mut impl DocumentContent,
    media_type: &MediaType,
) -> Result<Vec<u8>, FetchError> {
    let mut head = Vec::new();
    while head.len() < HEAD_BYTES
        && let Some(piece) = content.next().await?
    {
        head.extend_from_slice(&piece);
    }
    if head.is_empty() {
        return Err(failed(CopyFailure::NotTheDocument, "the content is empty"));
    }
    if !media_type.fits(&head[..head.len().min(HEAD_BYTES)]) {
        return Err(failed(
            CopyFailure::NotTheDocument,
            "the content is not what its media type says",
        ));
    }
    Ok(head)
}

fn too_large() -> FetchError {
    failed(CopyFailure::TooLarge, "the content has too many bytes")
}

fn failed(failure: CopyFailure, cause: &str) -> FetchError {
    FetchError { failure, cause: cause.to_owned(), retry_after: None }
}
