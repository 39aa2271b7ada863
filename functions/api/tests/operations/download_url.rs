//! Links to documents: for a document that the caller's list shows, once a worker has copied it.

use bulk_api::ApiError;
use bulk_api::operations::get_document_url::Download;
use bulk_api::operations::set_hie_opt_out::set_hie_opt_out;
use bulk_domain::document::{CopyFailure, CopyState, DocumentName, DocumentRecord};
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::media_type::MediaType;
use bulk_domain::query::{
    PatientQuery, QueryAttemptId, QueryOutcome, QueryRequestId, RequestDecision,
};
use bulk_memory::{Cloud, QueueName};
use bulk_pipeline::messages::CopyMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{CopyRef, Write};
use futures::executor::block_on;
use serde_json::json;
use uuid::Uuid;

const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));

struct Service {
    cloud: Cloud,
    patient: PatientId,
    record: DocumentRecord,
}

impl Service {
    /// A customer with a patient who has one document.
    fn new() -> Self {
        let cloud = Cloud::calm();
        let patient = patient(&cloud, false);
        let record: DocumentRecord = serde_json::from_value(
            json!({"id": "urn:x:1", "fileName": "Note of Ottoline.pdf", "mimeType": "application/pdf"}),
        )
        .unwrap();
        let service = Self { cloud, patient, record };
        service.find(std::slice::from_ref(&service.record));
        service
    }

    fn find(&self, documents: &[DocumentRecord]) {
        block_on(self.cloud.add_documents(CUSTOMER, self.patient, documents)).unwrap();
    }

    /// The name under which the list shows the document.
    fn name(&self) -> DocumentName {
        self.record.clone().shown(self.patient).file_name.parse().unwrap()
    }

    fn look(&self) -> Result<Option<String>, ApiError> {
        self.look_of(CUSTOMER)
    }

    fn look_of(&self, customer: CustomerId) -> Result<Option<String>, ApiError> {
        block_on(async { Download::of(&self.cloud, customer, self.name()).await?.look().await })
    }

    fn messages(&self) -> Vec<CopyMessage> {
        let now = self.cloud.now();
        self.cloud.with_queues(|queues| {
            let queue = queues.get(QueueName::Copies);
            std::iter::from_fn(|| {
                let received = queue.receive(now, 0)?;
                queue.delete(received.receipt);
                Some(serde_json::from_str(&received.body).unwrap())
            })
            .collect()
        })
    }

    fn copy_ref(&self) -> CopyRef {
        CopyRef { customer: CUSTOMER, document: self.name() }
    }

    /// Stores a state of the copy as a worker does.
    fn set(&self, state: CopyState) {
        let copy = self.copy_ref();
        let version = block_on(self.cloud.load_copy(copy)).unwrap().map(|record| record.version);
        let write = self.cloud.store_copy(copy, state, version);
        assert_eq!(block_on(write).unwrap(), Write::Done);
    }

    fn store(&self) {
        let media_type = MediaType::new("application/pdf").unwrap();
        block_on(async {
            let writer = self.cloud.write_copy(self.copy_ref(), &media_type).await.unwrap();
            writer.finish().await.unwrap();
        });
        self.set(CopyState::Stored(self.cloud.now()));
    }
}

fn patient(cloud: &Cloud, opted_out: bool) -> PatientId {
    // The younger job's value counts.
    let job = JobId::new(Uuid::from_u128(4 + u128::from(opted_out)));
    block_on(cloud.add_row(CUSTOMER, job, &json!({"hieOptOut": opted_out}))).unwrap()
}

#[test]
fn a_name_tells_nothing_of_the_patient_and_ends_as_its_media_type_does() {
    let service = Service::new();
    let shown = service.record.clone().shown(service.patient);
    assert!(shown.file_name.starts_with(&service.patient.to_string()), "{}", shown.file_name);
    assert!(
        shown.file_name.split('.').next_back() == Some("pdf")
            && !shown.file_name.contains("Ottoline")
    );
    assert_eq!(shown.description.as_deref(), Some("Note of Ottoline.pdf"));
}

#[test]
fn the_first_look_asks_for_a_copy_and_the_same_call_asks_once() {
    let service = Service::new();
    let mut download = block_on(Download::of(&service.cloud, CUSTOMER, service.name())).unwrap();
    for _ in 0..3 {
        assert_eq!(block_on(download.look()).unwrap(), None);
    }
    let document = service.name();
    assert_eq!(service.messages(), [CopyMessage { customer: CUSTOMER, document, version: None }]);
    service.set(CopyState::leased(QueryAttemptId::new(Uuid::nil()), service.cloud.now()));
    assert_eq!(service.look().unwrap(), None, "another call waits for the same worker");
    assert_eq!(service.messages(), []);
}

#[test]
fn a_stored_copy_is_answered_by_a_link_of_a_minute_that_saves_a_file() {
    let service = Service::new();
    service.store();
    let link = service.look().unwrap().unwrap();
    assert!(
        link.contains("?expires=60&type=application%2Fpdf&disposition=attachment%3B"),
        "{link}"
    );
    let name = service.name();
    assert!(link.contains(&format!("filename%3D%22{name}.pdf%22")), "{link}");
    assert!(!link.contains("Ottoline"), "a title is in {link}");
    assert_eq!(service.messages(), []);
    service.cloud.expire_copy(service.copy_ref());
    assert_eq!(service.look().unwrap(), None, "its retention has ended");
    let version = Some(1);
    let document = service.name();
    assert_eq!(service.messages(), [CopyMessage { customer: CUSTOMER, document, version }]);
}

#[test]
fn a_failure_is_told_until_its_pause_has_passed() {
    let service = Service::new();
    let now = service.cloud.now();
    service.set(CopyState::failed(CopyFailure::Unavailable, None, now));
    assert!(matches!(service.look(), Err(ApiError::NotYet(_, pause)) if pause.as_secs() == 5));
    service.set(CopyState::failed(CopyFailure::Gone, None, now));
    assert!(matches!(service.look(), Err(ApiError::NotFound(_))));
    for failure in [CopyFailure::TooLarge, CopyFailure::NotTheDocument, CopyFailure::Refused] {
        service.set(CopyState::failed(failure, None, now));
        assert!(matches!(service.look(), Err(ApiError::BadGateway(_))), "{failure:?}");
    }
    assert_eq!(service.messages(), []);
    service.cloud.set_time(now.plus(std::time::Duration::from_mins(1)));
    assert_eq!(service.look().unwrap(), None);
    assert_eq!(service.messages().len(), 1);
}

#[test]
fn no_link_leads_to_another_customers_document_or_to_that_of_an_opted_out_patient() {
    let service = Service::new();
    service.store();
    let other = CustomerId::new(Uuid::from_u128(2));
    assert!(matches!(service.look_of(other), Err(ApiError::NotFound(_))));
    assert_eq!(patient(&service.cloud, true), service.patient);
    assert!(matches!(service.look(), Err(ApiError::NotFound(_))));
    assert_eq!(service.messages(), []);
}

#[test]
fn a_document_that_the_newest_query_did_not_find_is_not_found() {
    let service = Service::new();
    service.store();
    service.find(&[]);
    assert!(matches!(service.look(), Err(ApiError::NotFound(_))));
}

#[test]
fn opting_out_by_a_call_deletes_what_was_found_and_opting_in_brings_nothing_back() {
    let service = Service::new();
    service.store();
    for opt_out in [true, true, false] {
        let told = block_on(set_hie_opt_out(&service.cloud, CUSTOMER, service.patient, opt_out));
        assert_eq!(told.unwrap(), opt_out);
        assert!(service.cloud.copies(CUSTOMER).is_empty());
        assert!(service.cloud.document_pages().is_empty());
        let queries = service.cloud.patient_queries(CUSTOMER).unwrap();
        assert!(queries.iter().all(|(_, query)| query.documents.is_none()));
        assert!(matches!(service.look(), Err(ApiError::NotFound(_))));
    }
}

#[test]
fn a_worker_that_queries_while_its_patient_is_opted_out_loses_its_lease() {
    let service = Service::new();
    let (cloud, patient) = (&service.cloud, service.patient);
    let known = block_on(cloud.load_queries(CUSTOMER, &[patient])).unwrap().remove(&patient);
    let known = known.unwrap();
    let attempt = QueryAttemptId::new(cloud.new_id());
    let request = QueryRequestId::new(cloud.new_id());
    let decision = PatientQuery::decide(Some(&known.value), request, attempt, cloud.now());
    let RequestDecision::Start(running) = decision else { panic!("{decision:?}") };
    let write = cloud.store_query(CUSTOMER, patient, &running, Some(known.version));
    assert_eq!(block_on(write).unwrap(), Write::Done);
    block_on(set_hie_opt_out(cloud, CUSTOMER, patient, true)).unwrap();
    let ended = running.ended(QueryOutcome::Documents(1), None);
    let write = cloud.store_query(CUSTOMER, patient, &ended, Some(known.version + 1));
    assert_eq!(block_on(write).unwrap(), Write::Conflict);
    let left = block_on(cloud.load_queries(CUSTOMER, &[patient])).unwrap().remove(&patient);
    assert!(!left.unwrap().value.is_leased_to(attempt));
}

#[test]
fn another_customers_patient_cannot_be_opted_out() {
    let service = Service::new();
    let other = CustomerId::new(Uuid::from_u128(2));
    let refused = block_on(set_hie_opt_out(&service.cloud, other, service.patient, true));
    assert!(matches!(refused, Err(ApiError::NotFound(_))));
}
