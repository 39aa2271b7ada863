//! The documents of a patient: finding one of them, and deleting what was found.

use bulk_domain::document::{DocumentKey, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::mutants::{Bug, has};
use bulk_domain::query::QueryAttemptId;
use futures::{StreamExt as _, TryStreamExt as _, stream};

use crate::Error;
use crate::conflicts::WriteAttempts;
use crate::document_pages::{DocumentPages, READ_ATTEMPTS, replaced};
use crate::ports::prelude::*;
use crate::ports::{CopyRef, PortResult, Ports, Write};

/// How many patients lose their documents at the same time.
pub(crate) const CONCURRENT_WITHDRAWALS: usize = 16;

/// Returns a document of the patient's last successful query, or `None` if the query did not find
/// it or there was no such query.
///
/// # Errors
///
/// A call failed, or newer queries replaced the documents again and again.
pub async fn find_document<P: Ports>(
    ports: &P,
    copy: CopyRef,
) -> PortResult<Option<DocumentRecord>> {
    let CopyRef { customer, document: DocumentName { patient, document } } = copy;
    let is_wanted = |record: &DocumentRecord| DocumentKey::of(&record.document.id) == document;
    Ok(find_documents(ports, customer, patient, 1, is_wanted).await?.pop())
}

/// Returns the first `most` documents of the patient's last successful query that are wanted, and
/// none if there was no such query. The others need memory for one page only.
///
/// # Errors
///
/// A call failed, or newer queries replaced the documents again and again.
pub(crate) async fn find_documents<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    most: usize,
    is_wanted: impl Fn(&DocumentRecord) -> bool,
) -> PortResult<Vec<DocumentRecord>> {
    'attempts: for _ in 0..READ_ATTEMPTS {
        let query = ports.documents().load_queries(customer, &[patient]).await?.remove(&patient);
        let Some(stored) = query.and_then(|query| query.value.documents) else {
            return Ok(Vec::new());
        };
        let pages = DocumentPages::of(ports, customer, patient, stored);
        let mut wanted = Vec::new();
        for page in 0..pages.stored().pages {
            let Some(documents) = pages.read(page).await? else { continue 'attempts };
            let room = most - wanted.len();
            wanted.extend(documents.into_iter().filter(|record| is_wanted(record)).take(room));
            if wanted.len() == most {
                break;
            }
        }
        return Ok(wanted);
    }
    Err(replaced("find_documents"))
}

/// Why everything that was found about a patient is deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Withdrawal {
    /// The patient was deleted, so that the document query is deleted, too.
    Deleted,
    /// The patient was opted out. The document query stays without documents, so that no request is
    /// served twice.
    OptedOut,
}

/// Deletes the documents of a patient, the copies of their contents, and the bulk download of a
/// deleted patient. Safe to repeat.
///
/// The caller has deleted the patient or opted the patient out before, so that no worker begins to
/// find anything new. What is found after the patient was opted in again stays. While a worker
/// holds the lease of the query, it may store further pages. The query then stays leased to no
/// attempt until the worker has ended, and the message about it deletes what is left.
///
/// # Errors
///
/// A call failed, so that some of it may be left.
pub async fn withdraw_documents<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    withdrawal: Withdrawal,
) -> Result<(), Error> {
    if withdrawal == Withdrawal::OptedOut && has(Bug::OptedOutDocumentsKept) {
        return Ok(());
    }
    let documents = ports.documents();
    if withdrawal == Withdrawal::Deleted {
        // What a caller has written about the patient is in it.
        ports.downloads().delete_download(customer, patient).await?;
    }
    let mut attempts = WriteAttempts::default();
    loop {
        attempts.begin()?;
        // Without a query there are neither documents nor copies, because they are deleted before
        // the query is.
        let query = documents.load_queries(customer, &[patient]).await?.remove(&patient);
        let Some(query) = query else { return Ok(()) };
        let first_kept = match withdrawal {
            Withdrawal::Deleted => QueryAttemptId::AFTER_ALL,
            // The record is read after the query: an attempt that begins after the patient was
            // opted in again changes the query's version, and has a later id.
            Withdrawal::OptedOut => {
                let last_before = QueryAttemptId::last_at(ports.environment().now());
                let mut records = ports.patients().load_patients(customer, &[patient]).await?;
                if records.remove(&patient).is_some_and(|record| !record.patient.hie_opt_out) {
                    return Ok(());
                }
                last_before
            }
        };
        delete_documents(ports, customer, patient, first_kept).await?;
        let is_running = query.value.is_running(ports.environment().now());
        let write = if withdrawal == Withdrawal::Deleted && !is_running {
            documents.delete_query(customer, patient, query.version).await?
        } else {
            let withdrawn = query.value.withdrawn();
            if withdrawn == query.value {
                return Ok(());
            }
            documents.store_query(customer, patient, &withdrawn, Some(query.version)).await?
        };
        if write == Write::Done {
            return Ok(());
        }
    }
}

/// Returns those of the patients, who are opted out, that have documents left.
pub async fn with_documents_left<P: Ports>(
    ports: &P,
    customer: CustomerId,
    opted_out: &[PatientId],
) -> PortResult<Vec<PatientId>> {
    if opted_out.is_empty() {
        return Ok(Vec::new());
    }
    let queries = ports.documents().load_queries(customer, opted_out).await?;
    let left = queries.into_iter().filter(|(_, query)| query.value.withdrawn() != query.value);
    Ok(left.map(|(patient, _)| patient).collect())
}

/// Deletes the documents of patients who are opted out, if there are any. Safe to repeat: a retry
/// finds what an earlier attempt has left.
pub async fn withdraw_documents_of<P: Ports>(
    ports: &P,
    customer: CustomerId,
    opted_out: &[PatientId],
) -> Result<(), Error> {
    stream::iter(with_documents_left(ports, customer, opted_out).await?)
        .map(|patient| withdraw_documents(ports, customer, patient, Withdrawal::OptedOut))
        .buffer_unordered(CONCURRENT_WITHDRAWALS)
        .try_collect()
        .await
}

/// Deletes the pages of a patient's documents that attempts before `first_kept` found, and all
/// copies of contents.
pub(crate) async fn delete_documents<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    first_kept: QueryAttemptId,
) -> PortResult<()> {
    delete_copies(ports, customer, patient).await?;
    ports.documents().drop_documents_before(customer, patient, first_kept).await
}

/// Deletes the copies of a patient's documents. The records come first: a worker that stores a
/// content meanwhile notices at its end that its record is gone, and deletes the copy.
pub(crate) async fn delete_copies<P: Ports>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
) -> PortResult<()> {
    ports.documents().delete_copy_records(customer, patient).await?;
    ports.copies().delete_copies(customer, patient).await
}
