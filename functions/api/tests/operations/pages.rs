//! Lists of the API: every item is on exactly one page, and no page is larger than an answer of a
//! function can be.

use bulk_api::operations::list_documents::{DocumentPlace, list_documents};
use bulk_api::operations::list_patients::{Selection, list_patients};
use bulk_api::{ApiError, Page, PageRequest};
use bulk_domain::document::{DateFilter, DocumentRecord};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::patient::Patient;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{Roster, RosterEntry, RosterPlace};
use bulk_memory::Cloud;
use bulk_pipeline::ports::prelude::*;
use futures::executor::block_on;
use serde::Serialize;
use serde_json::json;
use uuid::Uuid;

/// Bytes of the largest answer that Lambda takes from a function, as its error message says.
const LARGEST_ANSWER: usize = 6_291_556;

/// The largest number of documents that a patient can have.
const MOST_DOCUMENTS: usize = 20_000;

struct Service {
    cloud: Cloud,
    customer: CustomerId,
}

impl Service {
    fn new() -> Self {
        Self { cloud: Cloud::calm(), customer: CustomerId::new(Uuid::from_u128(1)) }
    }

    /// Stores a patient with ten addresses. Each first line has this number of backslashes, which
    /// JSON escapes.
    fn patient(&self, characters: usize) -> PatientId {
        let line = format!("1 {}", "\\".repeat(characters));
        let address = |zip| json!({"addressLine1": line, "city": "Boston", "state": "MA", "zip": format!("{zip}")});
        let row = json!({
            "lastName": format!("Vandersloot {}", self.cloud.new_id()),
            "addresses": (10_001..=10_010).map(address).collect::<Vec<_>>(),
        });
        block_on(self.cloud.add_row(self.customer, job(), &row)).unwrap()
    }

    fn put_on_roster(&self, chunk: u32, patients: &[PatientId]) {
        let entry = RosterEntry { job: job(), chunk: ChunkNumber::new(chunk) };
        block_on(self.cloud.add_to_roster(self.customer, Roster::AllPatients, entry, patients))
            .unwrap();
    }

    /// Stores a query of the patient that found these documents.
    fn find(&self, patient: PatientId, documents: &[DocumentRecord]) {
        block_on(self.cloud.add_documents(self.customer, patient, documents)).unwrap();
    }

    fn documents(
        &self,
        patient: PatientId,
        request: PageRequest<DocumentPlace>,
    ) -> Result<Page<String, DocumentPlace>, ApiError> {
        let show = |record: DocumentRecord| record.shown(patient);
        let all = DateFilter::default();
        let page =
            block_on(list_documents(&self.cloud, self.customer, patient, request, all, show))?;
        assert_fits(&json!({"documents": page.items, "meta": {}}));
        let items = page.items.iter().map(|document| document.id.as_str().to_owned()).collect();
        Ok(Page { items, next: page.next, previous: page.previous })
    }

    /// Returns the ids on each page of a patient's documents. Reads the same ids on the way back.
    fn document_pages(&self, patient: PatientId, count: Option<usize>) -> Vec<Vec<String>> {
        // All documents of a patient, unless the caller asks for fewer.
        let count = count.unwrap_or(20_000);
        // The caller sends the place as text.
        let sent = |place: DocumentPlace| place.to_string().parse().unwrap();
        let mut page = self.documents(patient, PageRequest::first(count)).unwrap();
        assert_eq!(page.previous, None);
        let mut pages = vec![page.items.clone()];
        while let Some(next) = page.next {
            page = self.documents(patient, PageRequest::from(sent(next), count)).unwrap();
            pages.push(page.items.clone());
        }
        let mut back = page.items.clone();
        while let Some(previous) = page.previous {
            page = self.documents(patient, PageRequest::to(sent(previous), count)).unwrap();
            assert!(page.next.is_some());
            back.splice(0..0, page.items.clone());
        }
        assert_eq!(back, pages.concat(), "on the way back");
        pages
    }
}

fn job() -> JobId {
    JobId::new(Uuid::from_u128(2))
}

/// Returns documents with a description of this many bytes, all of which JSON escapes.
fn documents(count: usize, bytes: usize) -> Vec<DocumentRecord> {
    let document = |number| {
        let document = json!({"id": format!("{number}"), "fileName": "a.pdf", "description": "\"".repeat(bytes)});
        serde_json::from_value(document).unwrap()
    };
    (0..count).map(document).collect()
}

fn ids(documents: &[DocumentRecord]) -> Vec<String> {
    documents.iter().map(|record| record.document.id.as_str().to_owned()).collect()
}

/// Asserts that a function can answer with this body.
fn assert_fits(body: &impl Serialize) {
    let body = serde_json::to_string(body).unwrap();
    let answer =
        json!({"statusCode": 200, "multiValueHeaders": {}, "body": body, "isBase64Encoded": false});
    let bytes = serde_json::to_vec(&answer).unwrap().len();
    assert!(bytes < LARGEST_ANSWER, "{bytes}");
}

#[test]
fn as_many_documents_as_a_patient_can_have_are_read_in_pages_that_can_be_answered() {
    let service = Service::new();
    let patient = service.patient(1);
    let all = documents(MOST_DOCUMENTS, 60);
    service.find(patient, &all);
    let pages = service.document_pages(patient, None);
    assert!((2..20).contains(&pages.len()), "{} pages", pages.len());
    assert_eq!(pages.concat(), ids(&all), "each once, in their order");
}

#[test]
fn a_usual_number_of_documents_is_one_page_unless_fewer_are_asked_for() {
    let service = Service::new();
    let patient = service.patient(1);
    let all = documents(2_500, 100);
    service.find(patient, &all);
    assert_eq!(service.document_pages(patient, None), [ids(&all)]);
    let pages = service.document_pages(patient, Some(1000));
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [1000, 1000, 500]);
    assert_eq!(pages.concat(), ids(&all));
}

#[test]
fn a_document_that_nearly_fills_an_item_of_the_table_is_on_a_page() {
    let service = Service::new();
    let patient = service.patient(1);
    // A quote takes two bytes in the stored JSON.
    let all = documents(30, 195 * 1024);
    service.find(patient, &all);
    let pages = service.document_pages(patient, None);
    assert!(pages.len() > 2);
    assert_eq!(pages.concat(), ids(&all));
}

#[test]
fn a_caller_between_two_pages_is_told_that_a_newer_query_replaced_the_documents() {
    let service = Service::new();
    let patient = service.patient(1);
    service.find(patient, &documents(10, 1));
    let first = PageRequest::first(4);
    let next = service.documents(patient, first).unwrap().next;
    let second = PageRequest::from(next.unwrap(), 4);
    assert_eq!(
        service.documents(patient, second).unwrap().items.len(),
        4,
        "no newer query has replaced the documents"
    );
    for replacement in [documents(7, 1), Vec::new()] {
        service.find(patient, &replacement);
        let told = service.documents(patient, second).unwrap_err();
        assert!(matches!(told, ApiError::Conflict(_)), "{told}");
    }
    service.find(patient, &documents(3, 1));
    assert_eq!(service.document_pages(patient, Some(2)).concat(), ["0", "1", "2"]);
}

#[test]
fn patients_as_large_as_their_place_in_the_table_are_read_in_pages_that_can_be_answered() {
    let service = Service::new();
    let mut all: Vec<PatientId> = Vec::new();
    for chunk in 1..=2 {
        // Ten lines of backslashes, each of which takes two bytes in the stored JSON.
        let sizes = (0..250).map(|number| if number % 25 == 0 { 14_000 } else { 100 });
        let patients: Vec<PatientId> =
            sizes.map(|characters| service.patient(characters)).collect();
        service.put_on_roster(chunk, &patients);
        all.extend(patients);
    }
    let mut request: PageRequest<RosterPlace> = PageRequest::first(500);
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let (roster, all) = (Roster::AllPatients, Selection::default());
        let list = list_patients(&service.cloud, service.customer, roster, &all, request);
        let page = block_on(list).unwrap();
        assert_fits(&json!({"patients": page.items, "meta": {}}));
        seen.extend(page.items.iter().map(|patient: &Patient| patient.id));
        pages += 1;
        match page.next {
            Some(next) => request = PageRequest::from(next, 500),
            None => break,
        }
    }
    assert!(pages >= 2, "{pages}");
    assert_eq!(seen, all, "each once, in their order");
}
