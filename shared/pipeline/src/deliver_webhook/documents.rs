//! The patients of one message about documents.

use bulk_domain::delivery::DocumentsRange;
use bulk_domain::document::{DocumentLink, DocumentRecord, LinkKey};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::job::Job;
use bulk_domain::job::times::LONGEST_LIFE;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{PatientQuery, QueryRequestId};
use bulk_domain::time::Timestamp;
use bulk_domain::webhook::{DocumentsPlace, DocumentsStatus, LinkedDocument, PatientDocuments};

use crate::Error;
use crate::document_pages::{DocumentPages, replaced};
use crate::ports::Ports;
use crate::ports::prelude::*;
use crate::query_parts::parts_of;

/// Parts of document queries, of up to 25 patients each, that fit into a message: a message has up
/// to 100 patients, as in the public API.
const PARTS_PER_MESSAGE: usize = 4;

/// Bytes of JSON at which a message ends. Receivers often take bodies of up to 1 MB only. A patient
/// whose documents are longer has a message of its own, with the first of them.
const MOST_BYTES: usize = 512 * 1024;

/// Chunks that are read for one message. Most rows of an import may have started no query, and the
/// function has 30 seconds.
const CHUNKS_PER_MESSAGE: u32 = 40;

/// Patients that are read at the same time. The list of one can have 200 KB on its first page
/// alone, and the function handles ten messages at a time in 256 MB.
const READ_AT_ONCE: usize = 10;

/// The patients of a message.
pub(super) struct Page {
    pub(super) patients: Vec<PatientDocuments>,
    /// The place after the last patient. It is the place of the first one if the next patients wait
    /// for the end of their queries, or if there are no more.
    pub(super) until: DocumentsPlace,
}

/// What the links of a message are made with.
struct Linker<'a> {
    customer: CustomerId,
    key: &'a LinkKey,
    api: &'a str,
    /// When the attempt begins.
    now: Timestamp,
}

impl Linker<'_> {
    fn link(&self, record: DocumentRecord, patient: PatientId) -> LinkedDocument {
        let document = record.name(patient);
        let link = DocumentLink::signed(self.customer, document, self.key, self.now);
        LinkedDocument { document: record.shown(patient), url: link.url(self.api) }
    }
}

/// A patient that the job queried, with the request.
type Queried = (PatientId, QueryRequestId);

/// Returns whether the job has no patients from `place` on, and will have none.
pub(super) fn is_end(job: &Job, place: DocumentsPlace, now: Timestamp) -> bool {
    open_chunk(job, now).is_none() && place >= end(job, now)
}

/// Returns the place after the patients with ended queries.
fn end(job: &Job, now: Timestamp) -> DocumentsPlace {
    let chunks = job.file.as_ref().filter(|_| job.queries > 0).map_or(0, |file| file.chunks);
    let chunk = open_chunk(job, now).map_or(chunks, |open| open.get().min(chunks));
    DocumentsPlace { chunk, patient: 0 }
}

/// Returns the first chunk with rows or document queries that have not ended. A canceled job waits
/// for no query, and a query of it that gets lost is not sent again. So the chunks of a job that
/// has lived for as long as any can count as ended.
fn open_chunk(job: &Job, now: Timestamp) -> Option<ChunkNumber> {
    let queries = job.pending_queries.iter().filter(|_| !has(Bug::DocumentsToldEarly));
    let is_over = job.started_at.is_none_or(|started| started.plus(LONGEST_LIFE) <= now);
    job.pending_chunks.iter().chain(queries).min().copied().filter(|_| !is_over)
}

/// Returns the patients of a message: those of the range if it has an end, otherwise the next ones
/// with ended queries. Patients who were deleted are left out.
pub(super) async fn read_page<P: Ports>(
    ports: &P,
    job: &Job,
    key: &LinkKey,
    range: DocumentsRange,
) -> Result<Page, Error> {
    let linker = Linker {
        customer: job.customer,
        key,
        api: ports.environment().api_url(),
        now: ports.environment().now(),
    };
    let fixed = range.until.filter(|_| !has(Bug::DocumentsMessageGrows));
    let most_chunks = DocumentsPlace { chunk: range.from.chunk + CHUNKS_PER_MESSAGE, patient: 0 };
    let end = fixed.unwrap_or_else(|| end(job, ports.environment().now()).min(most_chunks));
    let most_patients = PARTS_PER_MESSAGE * ports.environment().patients_per_part();
    let (mut page, mut bytes) = (Page { patients: Vec::new(), until: range.from }, 0);
    while page.until < end {
        let queried = queried_in(ports, job, ChunkNumber::new(page.until.chunk)).await?;
        let is_last = fixed.is_some() && end.chunk == page.until.chunk;
        let last = if is_last { end.patient as usize } else { queried.len() };
        let left = queried.get(page.until.patient as usize..last).unwrap_or_default();
        for some in left.chunks(READ_AT_ONCE) {
            for shown in read_patients(ports, &linker, some).await? {
                let more = shown.as_ref().map_or(0, PatientDocuments::bytes);
                let is_too_long = bytes + more > MOST_BYTES && !page.patients.is_empty();
                let is_full = page.patients.len() >= most_patients;
                if fixed.is_none() && (is_too_long || is_full) {
                    return Ok(page);
                }
                bytes += more;
                page.patients.extend(shown);
                page.until.patient += 1;
            }
        }
        if is_last {
            page.until = end;
        } else {
            page.until = DocumentsPlace { chunk: page.until.chunk + 1, patient: 0 };
        }
    }
    Ok(page)
}

/// Returns what the message shows of these patients; `None` in the place of a deleted one.
async fn read_patients<P: Ports>(
    ports: &P,
    linker: &Linker<'_>,
    queried: &[Queried],
) -> Result<Vec<Option<PatientDocuments>>, Error> {
    let ids: Vec<PatientId> = queried.iter().map(|(patient, _)| *patient).collect();
    let records = ports.patients().load_patients(linker.customer, &ids).await?;
    let newest = ports.documents().load_queries(linker.customer, &ids).await?;
    let mut shown = Vec::with_capacity(queried.len());
    for (patient, request) in queried {
        let Some(record) = records.get(patient) else {
            shown.push(None);
            continue;
        };
        let query = newest.get(patient).map(|query| &query.value);
        let readable = query.filter(|_| !record.patient.hie_opt_out);
        let mut patient = PatientDocuments {
            patient_id: *patient,
            external_id: record.patient.external_id.clone(),
            status: status_of(query, *request),
            documents: Vec::new(),
            more_documents: false,
        };
        if let Some(stored) = readable.and_then(|query| query.documents.clone()) {
            let pages = DocumentPages::of(ports, linker.customer, patient.patient_id, stored);
            add_documents(&mut patient, &pages, linker).await?;
        }
        shown.push(Some(patient));
    }
    Ok(shown)
}

/// Adds the documents of a patient, as long as a message has room for them.
async fn add_documents<P: Ports>(
    patient: &mut PatientDocuments,
    pages: &DocumentPages<'_, P>,
    linker: &Linker<'_>,
) -> Result<(), Error> {
    let mut bytes = patient.bytes();
    for page in 0..pages.stored().pages {
        let documents = pages.read(page).await?.ok_or_else(|| replaced("read_documents"))?;
        for document in documents {
            let with_link = linker.link(document, patient.patient_id);
            bytes += with_link.bytes() + 1;
            if bytes > MOST_BYTES && !patient.documents.is_empty() {
                patient.more_documents = true;
                return Ok(());
            }
            patient.documents.push(with_link);
        }
    }
    Ok(())
}

/// Returns the patients of a chunk that were queried.
async fn queried_in<P: Ports>(
    ports: &P,
    job: &Job,
    chunk: ChunkNumber,
) -> Result<Vec<Queried>, Error> {
    // Only of a job that has lived for as long as any can, see `open_chunk`.
    if job.pending_chunks.contains(&chunk) {
        return Ok(Vec::new());
    }
    let outcomes = ports.objects().read_outcomes(job.into(), chunk).await?;
    let messages = parts_of(ports, job, chunk, &outcomes).into_iter();
    let queried = messages.flat_map(|message| {
        let request = message.asker.request();
        message.patients.into_iter().map(move |patient| (patient, request))
    });
    Ok(queried.collect())
}

/// Returns how a request ended. One that is not remembered was abandoned, or so many others were
/// served since that the customer knows newer documents.
fn status_of(query: Option<&PatientQuery>, request: QueryRequestId) -> DocumentsStatus {
    match query.and_then(|query| query.outcome_for(request)) {
        Some(outcome) if outcome.is_success() => DocumentsStatus::Completed,
        Some(_) | None => DocumentsStatus::Failed,
    }
}
