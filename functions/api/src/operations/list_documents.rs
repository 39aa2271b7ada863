//! `GET /medical/v1/document?patientId=`: the documents that a patient's last successful query
//! found, page by page.
//!
//! A place in the list names the attempt that found the documents. A later query that succeeds
//! replaces all of them. A caller that is between two pages then gets a conflict and begins again,
//! because pages of two lists are no list.

use std::fmt;
use std::str::FromStr;

use axum::extract::State;
use bulk_domain::audit::Objects;
use bulk_domain::document::{DateFilter, Document, DocumentRecord, DocumentReference};
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::query::{QueryAttemptId, StoredDocuments};
use bulk_pipeline::document_pages::{DocumentPages, READ_ATTEMPTS, replaced};
use bulk_pipeline::ports::Ports;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::audited::{Audited, NamesObjects};
use crate::backend::Backend;
use crate::caller::{Caller, ReadPatients};
use crate::error::ApiError;
use crate::operations::get_document_query::{PatientIdQuery, get_document_query};
use crate::operations::get_patient::get_patient;
use crate::page::{Counts, Edge, ID_AND_NUMBERS, Meta, Page, PageBuilder, PageRequest, Place};
use crate::request::{Parameters, patient_id};
use crate::request_url::RequestUrl;

/// The error if a newer query has replaced the documents between two pages.
const REPLACED: ApiError = ApiError::Conflict(
    "A newer query has replaced the patient's documents, please begin again with the first page",
);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct DocumentsQuery {
    /// Form of the documents: `fhir` (`DocumentReference` of FHIR R4), or `dto`. Default `fhir`.
    #[param(pattern = "^(|fhir|dto)$")]
    output: Option<String>,
    /// Only documents of this day or later: `YYYY-MM-DD`. Default: all documents.
    #[param(format = "date")]
    date_from: Option<String>,
    /// Only documents of this day or earlier: `YYYY-MM-DD`. Default: all documents.
    #[param(format = "date")]
    date_to: Option<String>,
}

/// The form in which documents are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Output {
    Fhir,
    Dto,
}

/// A document in one of the two forms.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
enum ListedDocument {
    Fhir(DocumentReference),
    Dto(Document),
}

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
pub struct Documents {
    documents: Vec<ListedDocument>,
    meta: Meta,
}

impl NamesObjects for Documents {
    fn objects(&self) -> Objects {
        Objects { documents: self.documents.len(), ..Objects::default() }
    }
}

/// List a patient's documents
///
/// The documents are those of the last document query that succeeded, and none if the patient is
/// opted out. A document's day is the one on which it was created, or else registered. All
/// documents are on one page unless you ask for fewer, or the answer would be larger than 4 MB. If
/// a newer query replaces the documents between two pages, the answer is 409: begin again without
/// `fromItem` and `toItem`.
#[utoipa::path(
    get, path = "/medical/v1/document", operation_id = "listDocuments", tag = "document",
    params(PatientIdQuery, PageRequest<DocumentPlace>, DocumentsQuery),
    responses(
        (status = 200, description = "The documents.", body = Documents),
        (status = 400, description = "`patientId` is missing, or another parameter is invalid. `detail` names it."),
        (status = 404, description = "Patient not found."),
        (status = 409, description = "A newer query has replaced the documents since the page before this one."),
    ),
)]
pub async fn handle<B: Backend>(
    State(backend): State<B>,
    Caller(customer, ..): Caller<ReadPatients>,
    Parameters(query): Parameters<PatientIdQuery>,
    request: PageRequest<DocumentPlace>,
    Parameters(documents): Parameters<DocumentsQuery>,
    url: RequestUrl,
) -> Result<Audited<Documents>, ApiError> {
    let patient = patient_id(query.patient_id.as_deref())?;
    let output = documents.output()?;
    let (from, to) = (documents.date_from, documents.date_to);
    let dates = DateFilter::parse(from.as_deref(), to.as_deref())
        .map_err(|problem| ApiError::BadParameter(problem.to_string()))?;
    let show = |record: DocumentRecord| match output {
        Output::Fhir => ListedDocument::Fhir(DocumentReference::of(record, patient)),
        Output::Dto => ListedDocument::Dto(record.shown(patient)),
    };
    let page = list_documents(backend.ports(), customer, patient, request, dates, show).await?;
    let filters = [
        ("patientId", Some(patient.to_string())),
        ("output", (output == Output::Dto).then(|| "dto".to_owned())),
        ("dateFrom", from),
        ("dateTo", to),
    ];
    let meta = url.meta(&page, request.count, &filters);
    Ok(Audited(Documents { documents: page.items, meta }))
}

impl DocumentsQuery {
    fn output(&self) -> Result<Output, ApiError> {
        match self.output.as_deref().map(str::trim) {
            None | Some("" | "fhir") => Ok(Output::Fhir),
            Some("dto") => Ok(Output::Dto),
            Some(_) => Err(ApiError::BadRequest("output must be fhir or dto")),
        }
    }
}

/// Stands for the last document of a stored page. It is the largest index that a place can have.
const LAST_INDEX: u32 = 999_999_999;

/// A place among the documents of a patient. Written as `{attempt}.{stored page}.{index}`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentPlace {
    /// The attempt that found the documents.
    pub found_by: QueryAttemptId,
    /// The stored page, from 0.
    pub stored_page: u32,
    /// The document on the stored page, from 0.
    pub index: u32,
}

impl Place for DocumentPlace {
    const COUNTS: Counts = Counts::WHOLE;
    const PATTERN: &'static str = ID_AND_NUMBERS;
}

/// The text is not a place among documents.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a place in a list")]
pub struct NotAPlace;

impl fmt::Display for DocumentPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.found_by, self.stored_page, self.index)
    }
}

impl FromStr for DocumentPlace {
    type Err = NotAPlace;

    fn from_str(text: &str) -> Result<Self, NotAPlace> {
        let mut parts = text.splitn(3, '.');
        let mut part = || parts.next().ok_or(NotAPlace);
        Ok(Self {
            found_by: part()?.parse().map_err(|_| NotAPlace)?,
            stored_page: part()?.parse().map_err(|_| NotAPlace)?,
            index: part()?.parse().map_err(|_| NotAPlace)?,
        })
    }
}

/// Returns the documents of the customer's patient from a place on that pass the filter, each as
/// `show` shows it.
pub async fn list_documents<P: Ports, T: Serialize>(
    ports: &P,
    customer: CustomerId,
    patient: PatientId,
    request: PageRequest<DocumentPlace>,
    dates: DateFilter,
    show: impl Fn(DocumentRecord) -> T,
) -> Result<Page<T, DocumentPlace>, ApiError> {
    for _ in 0..READ_ATTEMPTS {
        let is_opted_out = get_patient(ports, customer, patient).await?.hie_opt_out;
        let query = get_document_query(ports, customer, patient).await?;
        let stored = query.and_then(|query| query.documents).filter(|_| !is_opted_out);
        if request.edge.place().is_some_and(|place| {
            stored.as_ref().is_none_or(|stored| stored.found_by != place.found_by)
        }) {
            return Err(REPLACED);
        }
        let Some(stored) = stored else { return Ok(Page::empty()) };
        let stored = DocumentPages::of(ports, customer, patient, stored);
        if let Some(page) = read_page(&stored, request, dates, &show).await? {
            return Ok(page);
        }
    }
    Err(replaced("list_documents").into())
}

/// Returns the page; none if a newer query has replaced the documents in the meantime.
async fn read_page<P: Ports, T: Serialize>(
    stored: &DocumentPages<'_, P>,
    request: PageRequest<DocumentPlace>,
    dates: DateFilter,
    show: &impl Fn(DocumentRecord) -> T,
) -> Result<Option<Page<T, DocumentPlace>>, ApiError> {
    let (edge, mut page) = (request.edge, PageBuilder::new(request.count));
    let StoredDocuments { found_by, pages, .. } = *stored.stored();
    let first = DocumentPlace { found_by, stored_page: 0, index: 0 };
    let start = edge.place().unwrap_or(first);
    let is_back = matches!(edge, Edge::To(_));
    // Whether documents are on the other side of the edge, and the place that is next to it
    // there.
    let mut opposite = (edge != Edge::First).then(|| start.before()).flatten();
    let mut place = start;
    while place.stored_page < pages {
        let Some(found) = stored.read(place.stored_page).await? else { return Ok(None) };
        let (on_stored_page, numbered) = (found.len(), (0..).zip(found));
        let on_page: Vec<(u32, DocumentRecord)> = if is_back {
            if place == start {
                opposite = start.after(on_stored_page, pages);
            }
            let mut before: Vec<_> = numbered.filter(|(index, _)| *index <= place.index).collect();
            before.reverse();
            before
        } else {
            numbered.filter(|(index, _)| *index >= place.index).collect()
        };
        for (index, record) in on_page {
            if dates.includes(&record) && !page.add(show(record)) {
                let more = DocumentPlace { index, ..place };
                return Ok(Some(page.finish(&edge, Some(more), opposite)));
            }
        }
        let next =
            if is_back { place.stored_page.checked_sub(1) } else { Some(place.stored_page + 1) };
        let Some(stored_page) = next else { break };
        let index = if is_back { LAST_INDEX } else { 0 };
        place = DocumentPlace { stored_page, index, ..place };
    }
    Ok(Some(page.finish(&edge, None, opposite)))
}

impl DocumentPlace {
    /// Returns the place before this one, of which the stored page may have no document.
    fn before(self) -> Option<Self> {
        match (self.stored_page.checked_sub(1), self.index.checked_sub(1)) {
            (_, Some(index)) => Some(Self { index, ..self }),
            (Some(stored_page), None) => Some(Self { stored_page, index: LAST_INDEX, ..self }),
            (None, None) => None,
        }
    }

    /// Returns the place after this one, if there is a document.
    fn after(self, on_stored_page: usize, stored_pages: u32) -> Option<Self> {
        let (index, stored_page) = (self.index.saturating_add(1), self.stored_page + 1);
        if (index as usize) < on_stored_page {
            return Some(Self { index, ..self });
        }
        (stored_page < stored_pages).then_some(Self { stored_page, index: 0, ..self })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_place_is_read_back_as_it_was_written() {
        let found_by = QueryAttemptId::new(Uuid::from_u128(7));
        let place = DocumentPlace { found_by, stored_page: 12, index: 249 };
        assert_eq!(place.to_string().parse(), Ok(place));
        for text in ["", "x", "1.2.3", &format!("{place}.4"), &found_by.to_string()] {
            assert_eq!(text.parse::<DocumentPlace>(), Err(NotAPlace), "{text}");
        }
    }
}
