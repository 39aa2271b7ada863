//! Builders of ids, jobs, files, rows and patients that a test starts from.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bulk_domain::document::DocumentRecord;
use bulk_domain::facility::Facility;
use bulk_domain::hash_key::{Bucket, HashKey};
use bulk_domain::identity::Identity;
use bulk_domain::ids::{CohortId, CustomerId, DownloadId, FacilityId, JobId, PatientId, RowNumber};
use bulk_domain::job::{AcceptedFile, Job, JobEvent, JobStatus, Upload};
use bulk_domain::outcome::Tally;
use bulk_domain::patient::{Address, Country, PatientRow};
use bulk_domain::person::{Folded, Group, Person};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::query::{
    PatientQuery, QueryAttemptId, QueryRequestId, RequestDecision, StoredDocuments,
};
use bulk_domain::record::RowsOfJob;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::{JobStore, Write};
use serde_json::json;
use uuid::Uuid;

/// Time of every event, in milliseconds since 1970, unless a test sets another one.
pub const NOW: i64 = 1_800_000_000_000;

/// How long records of webhook deliveries are kept.
pub const RETENTION: Duration = Duration::from_hours(30 * 24);

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Returns a UUIDv7 of this time, in milliseconds since 1970, that no other call returns.
fn fresh(millis: i64) -> Uuid {
    let number = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap(), &random).into_uuid()
}

/// Returns a new request for a document query.
pub fn request() -> QueryRequestId {
    QueryRequestId::new(fresh(NOW))
}

/// Returns the id of a new bulk download.
pub fn download() -> DownloadId {
    DownloadId::new(fresh(NOW))
}

/// Returns a document query that has just started.
pub fn query() -> PatientQuery {
    match PatientQuery::decide(None, request(), query_attempt(), at(NOW)) {
        RequestDecision::Start(query) => query,
        decision => panic!("{decision:?}"),
    }
}

/// Returns an attempt to find documents, later than those before.
pub fn query_attempt() -> QueryAttemptId {
    QueryAttemptId::new(fresh(NOW))
}

/// Returns what a new attempt has stored: this number of pages, and a document on the first one.
pub fn stored_documents(pages: u32) -> StoredDocuments {
    StoredDocuments { found_by: query_attempt(), pages, first: vec![document(9)] }
}

/// Returns a text of this many letters in no order: compression leaves more than half of it.
fn letters(bytes: usize) -> String {
    // Knuth's linear congruential generator (MMIX). Its upper bits are the random ones.
    let next = |state: &u64| {
        Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    let states = std::iter::successors(Some(NEXT.fetch_add(1, Ordering::Relaxed)), next).skip(1);
    states.map(|state| char::from(b'a' + (state >> 33).to_le_bytes()[0] % 26)).take(bytes).collect()
}

/// Returns a document with a description of this many bytes and with letters of several kinds.
pub fn document(bytes: usize) -> DocumentRecord {
    let document = json!({
        "id": format!("urn:oid:1.2.3|{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        "fileName": "Überweisung \"🏙\".pdf",
        "description": letters(bytes),
        "status": "current",
        "indexed": "2026-11-20T10:11:12.345Z",
        "mimeType": "application/pdf",
        "size": 12_345_678_901_u64,
        "type": {"coding": [{"system": "http://loinc.org", "code": "34133-9"}], "text": "Summary"},
        "url": "Binary/7?a=b&c",
        "date": "2026-11",
    });
    serde_json::from_value(document).unwrap()
}

pub fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub fn customer() -> CustomerId {
    CustomerId::new(fresh(NOW))
}

/// Returns a new facility of this name.
pub fn facility_named(name: &str) -> Facility {
    Facility {
        id: facility(),
        name: name.parse().unwrap(),
        npi: "1234567893".parse().unwrap(),
        tin: None,
        active: true,
        address: Address {
            address_line1: "1 Main St".parse().unwrap(),
            address_line2: None,
            city: "Boston".parse().unwrap(),
            state: "MA".parse().unwrap(),
            zip: "02139".parse().unwrap(),
            country: Country::Usa,
        },
    }
}

pub fn facility() -> FacilityId {
    FacilityId::new(fresh(NOW))
}

pub fn cohort() -> CohortId {
    CohortId::new(fresh(NOW))
}

pub fn patient() -> PatientId {
    bucket().patient(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub fn job_id() -> JobId {
    JobId::new(fresh(NOW))
}

/// Returns a job of a new customer that waits for its file.
pub fn job() -> Job {
    job_of(customer(), NOW)
}

/// Returns a job of this customer that was created at this time.
pub fn job_of(customer: CustomerId, millis: i64) -> Job {
    Job::new(JobId::new(fresh(millis)), customer, facility(), false, at(millis))
}

pub fn upload() -> Upload {
    Upload {
        version: "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40".into(),
        etag: "\"0c78\"".into(),
        bytes: 77,
    }
}

/// Returns a file of this many chunks, as its job has it after the fan-out.
pub fn file(chunks: u32) -> AcceptedFile {
    let columns = json!({"width": 3, "columns": [[0, "firstName"], [2, "zip-2"]]});
    let columns = serde_json::from_value(columns).unwrap();
    AcceptedFile { upload: upload(), columns, rows: chunks * 250, chunks }
}

/// Returns the job after a file of this many chunks was accepted, a second after the job was
/// created.
pub fn accepted(job: &Job, chunks: u32) -> Job {
    job.clone().accept(file(chunks), true, at(job.created_at.as_millis() + 1000)).unwrap()
}

/// Stores a job that is being processed, with this many chunks, and returns it.
pub async fn processing(ports: &impl JobStore, chunks: u32) -> Job {
    let job = job();
    ports.create_job(&job).await.unwrap();
    let job = accepted(&job, chunks);
    assert_eq!(ports.change_state(JobStatus::Waiting, &job).await.unwrap(), Write::Done);
    job
}

/// Returns the job after an event that ends it, which its state must allow.
pub fn ended(job: &Job, event: JobEvent, reason: Option<&str>) -> Job {
    job.clone().end(event, reason.map(str::to_owned), at(NOW + 60_000)).unwrap()
}

pub fn chunk(number: u32) -> ChunkNumber {
    ChunkNumber::new(number)
}

pub fn chunks(numbers: impl IntoIterator<Item = u32>) -> BTreeSet<ChunkNumber> {
    numbers.into_iter().map(ChunkNumber::new).collect()
}

/// Returns a row with letters of many kinds: accents, two to four bytes of UTF-8, and characters
/// that JSON escapes.
pub fn row(street: &str) -> PatientRow {
    let row = json!({
        "externalId": "Nº 7/\"ä\"",
        "firstName": "Zoë 𝒜𝓁𝒾𝒸ℯ",
        "lastName": "O\u{2019}Brien-Núñez 李",
        "dob": "1985-12-10",
        "gender": "F",
        "addresses": [{"addressLine1": street, "city": "Łódź \\ 🏙", "state": "MA", "zip": "02110"}],
    });
    let row = serde_json::to_vec(&row).unwrap();
    serde_json::from_slice(&row).unwrap()
}

/// The key of the hashes of every customer of a test.
pub const HASH_KEY: HashKey = HashKey::new([7; 32]);

/// Returns a new bucket.
pub fn bucket() -> Bucket {
    let [high, low] = [fresh(NOW).into_bytes(); 2];
    let key = HashKey::new(std::array::from_fn(|index| [high, low].as_flattened()[index]));
    key.bucket(&Identity::of_row(&row("1 Main St")))
}

/// Returns the item of a patient who lives in this street.
pub fn person(street: &str) -> Person {
    fold(&[row(street)]).person
}

/// Returns the item of a bucket with patients of one identity, who live in these zip codes.
pub fn person_in(bucket: Bucket, zips: &[&str]) -> Person {
    let rows: Vec<PatientRow> = zips
        .iter()
        .map(|zip| {
            let mut row = row("1 Main St");
            row.addresses[0].zip = zip.parse().unwrap();
            row
        })
        .collect();
    fold_in(bucket, &rows).person
}

/// Returns the item of a patient of 5,000 rows with an address each, of which the item keeps as
/// many as fit into it.
pub fn person_of_5000_addresses() -> Person {
    let rows: Vec<PatientRow> =
        (0..5_000).map(|number| row(&format!("{number} \"Old\" Main Street"))).collect();
    let folded = fold(&rows);
    let refused = folded.rows.iter().filter(|row| row.patient.is_none()).count();
    assert!(refused > 1_000, "{refused} rows did not fit");
    folded.person
}

/// Returns an item with a document of exactly this many bytes.
pub fn person_of_bytes(bytes: usize) -> Person {
    let json = serde_json::to_string(&person("x")).unwrap();
    // The item refuses a longer row, so that its document is made longer.
    let street = format!("\"1\":\"{}\"", "x".repeat(bytes + 1 - json.len()));
    let json = json.replace("\"1\":\"x\"", &street);
    assert_eq!(json.len(), bytes);
    serde_json::from_str(&json).unwrap()
}

fn fold(rows: &[PatientRow]) -> Folded {
    fold_in(bucket(), rows)
}

fn fold_in(bucket: Bucket, rows: &[PatientRow]) -> Folded {
    let source =
        RowsOfJob { job: job_id(), facility: facility(), may_overtake: false, now: at(NOW) };
    let identity = Identity::of_row(&rows[0]);
    let rows = (1..).map(RowNumber::new).zip(rows.iter().cloned()).collect();
    Person::default().fold(&Group { bucket, identity, rows }, &HASH_KEY, source)
}

/// Returns the sum of this number of equal counts.
pub fn times(tally: Tally, times: u32) -> Tally {
    (0..times).fold(Tally::default(), |mut sum, _| {
        sum += tally;
        sum
    })
}
