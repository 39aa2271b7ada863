//! Copies all documents of a patient, for a caller who asked for a bulk download, and then has the
//! links sent.
//!
//! One message carries a bulk download to its end: it is received again until every document is
//! copied or has failed. A run starts fetches for `STARTS` only, because a content may take
//! minutes and the function ends after four. The records of the copies say what is left, so that a
//! run after a crash goes on where the last one stopped, and a document that a caller downloads by
//! itself at the same time is fetched once.
//!
//! The same message can be received twice, and a call that is repeated sends another one. Such runs
//! share the work by the leases of the copies, and the first one to end stores the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bulk_domain::document::{
    BulkDownload, CopyFailure, CopyState, DocumentKey, DocumentName, DocumentRecord, DocumentStep,
    DownloadTally,
};
use bulk_domain::mutants::{self, Bug};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{LinksPage, WebhookSubject};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::conflicts::retry_conflicts;
use crate::copy_document::{CopyOutcome, copy};
use crate::documents::{delete_copies, find_documents};
use crate::messages::{CopyMessage, DownloadMessage, WebhookMessage};
use crate::ports::prelude::*;
use crate::ports::{CopyRef, DocumentSource, PortError, PortResult, Ports, Versioned, Write};

/// Documents that one run fetches at the same time: few enough that a gateway is not flooded, and
/// that the parts of the uploads, of 5 MiB each, fit into the function's memory.
const CONCURRENT_FETCHES: usize = 4;

/// Copies that are looked for at the same time.
const CONCURRENT_LOOKS: usize = 16;

/// How long a run starts fetches. A content may then take the three minutes that the parameter
/// `GatewayContentSeconds` allows, before the function ends after four.
const STARTS: Duration = Duration::from_secs(45);

/// The outcome of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownloadOutcome {
    /// The bulk download has ended with these counts, and the links are on their way.
    Ended(DownloadTally),
    /// Documents are left, and the message is to be received again after this time.
    Unfinished(Duration),
    /// There is nothing to do: the bulk download has expired, or a newer one has begun.
    Void,
}

/// What became of a document in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum DocumentOutcome {
    Copied,
    Failed,
    /// The time of the run was over before the document was fetched.
    Left,
    /// Another worker or the gateway has to be waited for.
    Waits,
}

/// A run: what it works on, and when it began.
struct Run<'a, P, S> {
    ports: &'a P,
    source: &'a S,
    most_bytes: u64,
    download: &'a BulkDownload,
    began: Timestamp,
    /// Whether a fetch has found that the patient is deleted or opted out.
    is_withdrawn: AtomicBool,
}

/// Handles one message. Stores contents of up to `most_bytes`. Safe to repeat, concurrently and
/// late.
///
/// # Errors
///
/// A call of AWS failed. A failure of the gateway is an outcome.
pub async fn download_documents<P: Ports, S: DocumentSource>(
    ports: &P,
    source: &S,
    most_bytes: u64,
    message: &DownloadMessage,
) -> Result<DownloadOutcome, Error> {
    let Some(download) = load(ports, message).await?.map(|download| download.value) else {
        return void(ports, message).await;
    };
    if let Some(tally) = download.tally
        && mutants::has(Bug::DownloadEndedSilently)
    {
        return Ok(DownloadOutcome::Ended(tally));
    }
    if download.tally.is_some() {
        // An earlier run may have died before it had the links sent.
        return send_links(ports, &download).await;
    }
    let Some(download) = begin_run(ports, message).await? else {
        return void(ports, message).await;
    };
    let Some(documents) = documents_of(ports, &download).await? else {
        return end(ports, message, &[], &[]).await;
    };
    let records = ports.documents().load_copies(download.customer, download.patient).await?;
    let began = ports.environment().now();
    let is_withdrawn = AtomicBool::new(false);
    let run = Run { ports, source, most_bytes, download: &download, began, is_withdrawn };
    let outcomes = documents.iter().map(async |document| {
        let outcome = run.document(document, &records).await?;
        Ok((document, outcome))
    });
    // All fetches run to their end, even if a call fails, because a fetch that is dropped half-way
    // leaves its copy leased for minutes.
    let outcomes: Vec<Result<(&DocumentRecord, DocumentOutcome), Error>> =
        stream::iter(outcomes).buffer_unordered(CONCURRENT_FETCHES).collect().await;
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, Error>>()?;
    if run.is_withdrawn.into_inner() {
        return end(ports, message, &[], &[]).await;
    }
    let is_any = |wanted| outcomes.iter().any(|(_, outcome)| *outcome == wanted);
    if is_any(DocumentOutcome::Left) {
        return Ok(DownloadOutcome::Unfinished(Duration::ZERO));
    }
    if is_any(DocumentOutcome::Waits) && !mutants::has(Bug::DownloadEndsEarly) {
        return Ok(DownloadOutcome::Unfinished(download.pause(ports.environment().now())));
    }
    let copied = outcomes.iter().filter(|(_, outcome)| *outcome == DocumentOutcome::Copied);
    let copied: Vec<&DocumentRecord> = copied.map(|(document, _)| *document).collect();
    end(ports, message, &documents, &copied).await
}

/// Ends a bulk download that no worker could end, with what there is. Returns `None` if it is void.
pub(crate) async fn abandon_download<P: Ports>(
    ports: &P,
    message: &DownloadMessage,
) -> Result<Option<DownloadTally>, Error> {
    let Some(Versioned { value: download, .. }) = load(ports, message).await? else {
        void(ports, message).await?;
        return Ok(None);
    };
    let documents = documents_of(ports, &download).await?.unwrap_or_default();
    let looks = documents.iter().map(async |document| {
        let key = DocumentKey::of(&document.document.id);
        let document_name = DocumentName { patient: download.patient, document: key };
        let copy = CopyRef { customer: download.customer, document: document_name };
        Ok::<_, PortError>(ports.copies().find_copy(copy).await?.map(|_| document))
    });
    let looks = stream::iter(looks).buffer_unordered(CONCURRENT_LOOKS);
    let copied: Vec<Option<&DocumentRecord>> = looks.try_collect().await?;
    let copied: Vec<&DocumentRecord> = copied.into_iter().flatten().collect();
    match end(ports, message, &documents, &copied).await? {
        DownloadOutcome::Ended(tally) => Ok(Some(tally)),
        DownloadOutcome::Unfinished(_) | DownloadOutcome::Void => Ok(None),
    }
}

/// Returns the bulk download that the message is about. `None` if it has expired, or if a newer one
/// has taken its place.
async fn load<P: Ports>(
    ports: &P,
    message: &DownloadMessage,
) -> PortResult<Option<Versioned<BulkDownload>>> {
    let stored = ports.downloads().load_download(message.customer, message.patient).await?;
    Ok(stored.filter(|stored| stored.value.id == message.download))
}

/// Ends a message without a bulk download. If that was deleted with its patient, an earlier run may
/// have stored a content since, and may have failed before it had deleted the copy.
async fn void<P: Ports>(ports: &P, message: &DownloadMessage) -> Result<DownloadOutcome, Error> {
    let &DownloadMessage { customer, patient, .. } = message;
    if ports.patients().load_patients(customer, &[patient]).await?.is_empty() {
        delete_copies(ports, customer, patient).await?;
    }
    Ok(DownloadOutcome::Void)
}

/// Records that a run begins. Returns the bulk download, or `None` if it is void.
async fn begin_run<P: Ports>(
    ports: &P,
    message: &DownloadMessage,
) -> Result<Option<BulkDownload>, Error> {
    retry_conflicts(async || {
        let Some(Versioned { value: download, version }) = load(ports, message).await? else {
            return Ok(Some(None));
        };
        let running = download.running(ports.environment().now());
        let write = ports.downloads().store_download(&running, Some(version)).await?;
        Ok((write == Write::Done).then_some(Some(running)))
    })
    .await
}

/// Returns all documents of the patient of a bulk download. `None` if the patient is deleted or
/// opted out: the bulk download then ends without documents, and what an earlier run has copied is
/// deleted, because that run may have died after it stored a content.
async fn documents_of<P: Ports>(
    ports: &P,
    download: &BulkDownload,
) -> Result<Option<Vec<DocumentRecord>>, Error> {
    let (customer, patient) = (download.customer, download.patient);
    let record = ports.patients().load_patients(customer, &[patient]).await?.remove(&patient);
    if record.is_none_or(|record| record.patient.hie_opt_out) {
        delete_copies(ports, customer, patient).await?;
        return Ok(None);
    }
    Ok(Some(find_documents(ports, customer, patient, usize::MAX, |_| true).await?))
}

impl<P: Ports, S: DocumentSource> Run<'_, P, S> {
    /// Does what is left to do for a document.
    async fn document(
        &self,
        document: &DocumentRecord,
        records: &HashMap<DocumentKey, Versioned<CopyState>>,
    ) -> Result<DocumentOutcome, Error> {
        let key = DocumentKey::of(&document.document.id);
        let document_name = DocumentName { patient: self.download.patient, document: key };
        let copy = CopyRef { customer: self.download.customer, document: document_name };
        let record = records.get(&key);
        let now = self.ports.environment().now();
        match self.download.step(record.map(|record| record.value), now) {
            DocumentStep::Copied => return Ok(DocumentOutcome::Copied),
            DocumentStep::Failed => return Ok(DocumentOutcome::Failed),
            DocumentStep::Wait => return Ok(DocumentOutcome::Waits),
            DocumentStep::LookForCopy => {
                if self.ports.copies().find_copy(copy).await?.is_some() {
                    return Ok(DocumentOutcome::Copied);
                }
            }
            DocumentStep::Fetch => {}
        }
        if self.began.until(now) >= STARTS || self.is_withdrawn.load(Ordering::Relaxed) {
            return Ok(DocumentOutcome::Left);
        }
        self.fetch(copy, record.map(|record| record.version), document).await
    }

    async fn fetch(
        &self,
        copy_ref: CopyRef,
        version: Option<u64>,
        document: &DocumentRecord,
    ) -> Result<DocumentOutcome, Error> {
        let CopyRef { customer, document: name } = copy_ref;
        let message = CopyMessage { customer, document: name, version };
        let copied =
            copy(self.ports, self.source, self.most_bytes, &message, Some(document)).await?;
        Ok(match copied {
            CopyOutcome::Stored(_) => DocumentOutcome::Copied,
            CopyOutcome::Failed(error) if error.failure == CopyFailure::Unavailable => {
                DocumentOutcome::Waits
            }
            CopyOutcome::Failed(_) => DocumentOutcome::Failed,
            CopyOutcome::NotNeeded => DocumentOutcome::Waits,
            CopyOutcome::Withdrawn => {
                self.is_withdrawn.store(true, Ordering::Relaxed);
                DocumentOutcome::Left
            }
        })
    }
}

/// Stores the end of a bulk download, unless it has ended, and has the links to the copied
/// documents sent.
async fn end<P: Ports>(
    ports: &P,
    message: &DownloadMessage,
    all: &[DocumentRecord],
    copied: &[&DocumentRecord],
) -> Result<DownloadOutcome, Error> {
    let ended = retry_conflicts(async || {
        let Some(Versioned { value: download, version }) = load(ports, message).await? else {
            return Ok(Some(None));
        };
        if download.tally.is_some() {
            return Ok(Some(Some(download)));
        }
        let ended = download.ended(all.iter().map(|_| 1).sum(), copied);
        let write = ports.downloads().store_download(&ended, Some(version)).await?;
        Ok((write == Write::Done).then_some(Some(ended)))
    });
    match ended.await? {
        Some(ended) => send_links(ports, &ended).await,
        None => Ok(DownloadOutcome::Void),
    }
}

/// Has the links of a bulk download that has ended sent. The records of the deliveries recognize a
/// repetition.
async fn send_links<P: Ports>(ports: &P, ended: &BulkDownload) -> Result<DownloadOutcome, Error> {
    for page in 0..ended.messages() {
        let links = LinksPage { download: ended.id, patient: ended.patient, page };
        let message = WebhookMessage::of(ended.customer, WebhookSubject::Links { links });
        ports.queues().send_webhook(&message).await?;
    }
    Ok(DownloadOutcome::Ended(ended.tally.unwrap_or_default()))
}
