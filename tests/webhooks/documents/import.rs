//! An import of which a test decides when its chunks complete and their document queries end.

use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::identity::Identity;
use bulk_domain::ids::{FacilityId, JobId, PatientId, RowNumber};
use bulk_domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use bulk_domain::outcome::{FailureReason, RowEffect, RowOutcome, RowResult, Tally};
use bulk_domain::patient::PatientRow;
use bulk_domain::person::{Group, Person};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{
    PATIENTS_PER_PART, PatientQuery, QueryAttemptId, QueryOutcome, QueryPart, QueryRequestId,
    QueryTally, RequestDecision, StoredDocuments,
};
use bulk_domain::record::RowsOfJob;
use bulk_domain::row::Directory;
use bulk_memory::Cloud;
use bulk_pipeline::messages::WebhookMessage;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{WebhookSettings, Write};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::setup::{URL, cloud, customer, settings};

/// The patients of each chunk, all of one identity and with different zip codes.
pub const PATIENTS: usize = 90;

const HASH_KEY: HashKey = HashKey::new([7; 32]);

/// Returns a cloud with a customer, the server of which gives these answers and has answered a
/// ping.
pub fn with_customer(patient_webhooks: bool, answers: Vec<u16>) -> Cloud {
    let cloud = cloud();
    let settings = WebhookSettings { patient_webhooks, is_verified: true, ..settings(URL) };
    cloud.set_customer(customer(1), Directory::default(), settings);
    cloud.set_answers(URL, answers);
    cloud
}

/// A message that the customer's server received.
pub struct Message {
    /// The status of the job, or `documents`.
    pub event: String,
    pub id: String,
    pub patients: Vec<String>,
    /// Those of the patients that have no documents.
    pub without_documents: Vec<String>,
    /// Those of the patients that have more documents than the message shows.
    pub with_more_documents: Vec<String>,
    /// The links to all documents.
    pub links: Vec<String>,
}

/// Returns the messages that the customer's server received, in order.
pub fn messages(cloud: &Cloud) -> Vec<Message> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let message = |body: &[u8]| {
        let body: Value = serde_json::from_slice(body).unwrap();
        let patients = body["patients"].as_array().cloned().unwrap_or_default();
        let ids = |patient: &Value| text(&patient["patientId"]);
        let documents = |patient: &Value| patient["documents"].as_array().unwrap().clone();
        let documents = patients.iter().flat_map(documents);
        let without = patients.iter().filter(|patient| patient["documents"] == json!([]));
        let with_more = patients.iter().filter(|patient| patient["moreDocuments"] == json!(true));
        Message {
            event: body["bulkPatientCreate"]["status"].as_str().unwrap_or("documents").to_owned(),
            id: text(&body["meta"]["messageId"]),
            patients: patients.iter().map(ids).collect(),
            without_documents: without.map(ids).collect(),
            with_more_documents: with_more.map(ids).collect(),
            links: documents.map(|document| text(&document["url"])).collect(),
        }
    };
    cloud.received().iter().map(|(_, request)| message(&request.body)).collect()
}

/// An import with an accepted file.
pub struct Import<'a> {
    cloud: &'a Cloud,
    job: Job,
    people: Vec<(Bucket, Person)>,
}

impl<'a> Import<'a> {
    /// Stores a job with this number of pending chunks, and the patients of up to three of them,
    /// and sends the message that it is processing.
    pub async fn start(cloud: &'a Cloud, chunks: u32) -> Self {
        let (id, facility) = (JobId::new(Uuid::from_u128(1 << 8)), FacilityId::new(Uuid::nil()));
        let job = Job::new(id, customer(1), facility, false, cloud.now());
        cloud.create_job(&job).await.unwrap();
        let columns = json!({"width": 1, "columns": [[0, "firstName"]]});
        let file = AcceptedFile {
            upload: Upload { version: "1".into(), etag: "\"e\"".into(), bytes: 9 },
            columns: serde_json::from_value(columns).unwrap(),
            rows: chunks * u32::try_from(PATIENTS).unwrap(),
            chunks,
        };
        let job = job.accept(file, false, cloud.now()).unwrap();
        assert_eq!(cloud.change_state(JobStatus::Waiting, &job).await.unwrap(), Write::Done);
        let names = ["Ash", "Birch", "Cedar"].into_iter().take(chunks as usize);
        let people: Vec<(Bucket, Person)> = names.map(|name| people(&job, name)).collect();
        for (bucket, person) in &people {
            let stored = cloud.store_person(customer(1), *bucket, person, None).await.unwrap();
            assert_eq!(stored, Write::Done);
        }
        cloud.send_webhook(&WebhookMessage::about(&job)).await.unwrap();
        Self { cloud, job, people }
    }

    /// Returns the patients of a chunk.
    pub fn patients(&self, chunk: u32) -> Vec<PatientId> {
        let (_, person) = self.person(chunk);
        person.patients().map(|record| record.patient.id).collect()
    }

    fn person(&self, chunk: u32) -> &(Bucket, Person) {
        &self.people[chunk as usize % self.people.len()]
    }

    /// Completes a chunk, all rows of which start a document query.
    pub async fn complete(&self, chunk: u32) {
        let outcome = |(row, patient): (u32, PatientId)| {
            let effect = RowEffect::Created;
            let result = RowResult::Succeeded { patient: Some(patient), effect };
            RowOutcome { starts_query: true, ..RowOutcome::new(RowNumber::new(row), result) }
        };
        let outcomes: Vec<RowOutcome> = (1..).zip(self.patients(chunk)).map(outcome).collect();
        self.store(chunk, &outcomes).await;
    }

    /// Completes a chunk of rows that all failed, so that none starts a document query.
    pub async fn fail(&self, chunk: u32) {
        let failed = RowResult::Failed(FailureReason::Internal);
        self.store(chunk, &[RowOutcome::new(RowNumber::FIRST, failed)]).await;
    }

    async fn store(&self, chunk: u32, outcomes: &[RowOutcome]) {
        let (chunk, tally) = (ChunkNumber::new(chunk), Tally::of(outcomes));
        let starts = outcomes.iter().filter(|outcome| outcome.starts_query).count();
        let queries = u32::try_from(starts).unwrap();
        let stored = self.cloud.store_outcomes((&self.job).into(), chunk, outcomes).await;
        assert_eq!(stored.unwrap(), Write::Done);
        self.cloud.complete_chunk(self.job.id, chunk, tally, queries).await.unwrap();
    }

    /// Ends the document queries of a chunk, each with a document that has a short description.
    pub async fn end_queries(&self, chunk: u32) {
        self.end_queries_with(chunk, &["A letter"]).await;
    }

    /// Ends the document queries of a chunk, each with documents that have these descriptions.
    pub async fn end_queries_with(&self, chunk: u32, descriptions: &[&str]) {
        let patients = self.patients(chunk);
        let number = ChunkNumber::new(chunk);
        for (part, patients) in (0..).zip(patients.chunks(PATIENTS_PER_PART)) {
            let request =
                QueryRequestId::of_part(QueryPart { job: self.job.id, chunk: number, part });
            for patient in patients {
                let query = ended(self.cloud, request, descriptions);
                let stored = self.cloud.store_query(customer(1), *patient, &query, None).await;
                assert_eq!(stored.unwrap(), Write::Done);
            }
        }
        let successful = u32::try_from(patients.len()).unwrap();
        let tally = QueryTally { successful, failed: 0 };
        self.cloud.complete_queries(self.job.id, number, tally).await.unwrap();
    }

    /// Ends the job, and sends the message about it.
    pub async fn finish(&self, status: JobStatus) {
        let event = match status {
            JobStatus::Completed => JobEvent::Finalized,
            _ => JobEvent::Canceled,
        };
        let ended = self.job.clone().end(event, None, self.cloud.now()).unwrap();
        let from = JobStatus::Processing;
        assert_eq!(self.cloud.change_state(from, &ended).await.unwrap(), Write::Done);
        self.cloud.send_webhook(&WebhookMessage::about(&ended)).await.unwrap();
    }

    /// Deletes a patient of a chunk, and opts another one out.
    pub async fn change(&self, chunk: u32, deleted: PatientId, opted_out: PatientId) {
        let (bucket, mut person) = self.person(chunk).clone();
        let (call, now) = (JobId::new(Uuid::from_u128(9 << 80)), self.cloud.now());
        person.patient_mut(opted_out).unwrap().set_opt_out(true, call, now);
        assert!(person.delete(deleted, &HASH_KEY, None, now));
        let stored = self.cloud.store_person(customer(1), bucket, &person, Some(1)).await.unwrap();
        assert_eq!(stored, Write::Done);
    }
}

/// Returns the patients that a job creates under a name, one in each zip code.
fn people(job: &Job, last_name: &str) -> (Bucket, Person) {
    let row = |number: usize| -> PatientRow {
        let address = json!({
            "addressLine1": "1 Main St", "city": "Boston", "state": "MA",
            "zip": format!("{:05}", 10_000 + number),
        });
        let row = json!({
            "firstName": "Ada", "lastName": last_name, "dob": "1980-02-03", "gender": "F",
            "addresses": [address],
        });
        serde_json::from_str(&row.to_string()).unwrap()
    };
    let rows: Vec<PatientRow> = (0..PATIENTS).map(row).collect();
    let identity = Identity::of_row(&rows[0]);
    let bucket = HASH_KEY.bucket(&identity);
    let rows = (1..).map(RowNumber::new).zip(rows).collect();
    let source =
        RowsOfJob { job: job.id, facility: job.facility, may_overtake: false, now: job.created_at };
    let person =
        Person::default().fold(&Group { bucket, identity, rows }, &HASH_KEY, source).person;
    assert_eq!(person.patients().count(), PATIENTS);
    (bucket, person)
}

/// Returns a query that found documents with these descriptions for a request.
fn ended(cloud: &Cloud, request: QueryRequestId, descriptions: &[&str]) -> PatientQuery {
    let attempt = QueryAttemptId::new(cloud.new_id());
    let RequestDecision::Start(query) = PatientQuery::decide(None, request, attempt, cloud.now())
    else {
        panic!("the query is new")
    };
    let document = |(number, description): (usize, &&str)| {
        let id = format!("urn:oid:2.999.{number}");
        let document = json!({"id": id, "fileName": "x", "description": description});
        serde_json::from_str(&document.to_string()).unwrap()
    };
    let first: Vec<_> = descriptions.iter().enumerate().map(document).collect();
    let found = QueryOutcome::Documents(u32::try_from(first.len()).unwrap());
    query.ended(found, Some(StoredDocuments { found_by: attempt, pages: 1, first }))
}
