//! Lists of patients with a filter: which patients they have, and what one call reads.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bulk_api::{AllowedOrigin, BackendOf, RequestUrl, Settings, router};
use bulk_domain::facility::Facility;
use bulk_domain::ids::{CustomerId, FacilityId, JobId};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::roster::{Roster, RosterEntry};
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::Cloud;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

const KEY: &str = "bpi_0000000000000000000000000000000000000000000000000000000000000000";
const CUSTOMER: CustomerId = CustomerId::new(Uuid::from_u128(1));
const FACILITY: FacilityId = FacilityId::new(Uuid::from_u128(2));
const JOB: JobId = JobId::new(Uuid::from_u128(3));

fn backend_of(cloud: Cloud) -> BackendOf<Cloud, Cloud> {
    let (ports, webhook_server) = (cloud.clone(), cloud);
    BackendOf { ports, webhook_server, webhook_policy: UrlPolicy::PublicOnly }
}

/// Stores this number of patients: `Ada No1`, `Ada No2` and so on, in chunks of 250.
async fn cloud_with(patients: u32) -> Cloud {
    let cloud = Cloud::calm();
    cloud.add_key(CUSTOMER, KEY);
    let facility = json!({
        "id": FACILITY, "name": "North Clinic", "npi": "1234567893", "active": true,
        "address": {"addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02110"},
    });
    let facility: Facility = serde_json::from_str(&facility.to_string()).unwrap();
    cloud.create_entry(CUSTOMER, &facility).await.unwrap();
    let mut ids = Vec::new();
    for number in 1..=patients {
        let row =
            json!({"firstName": "Ada", "lastName": format!("No{number}"), "facility": FACILITY});
        ids.push(cloud.add_row(CUSTOMER, JOB, &row).await.unwrap());
    }
    for (chunk, ids) in (1..).zip(ids.chunks(250)) {
        let entry = RosterEntry { job: JOB, chunk: ChunkNumber::new(chunk) };
        cloud.add_to_roster(CUSTOMER, Roster::AllPatients, entry, ids).await.unwrap();
    }
    cloud
}

/// Fetches a list from this query on, by the links of this name. Returns the last names on each
/// page.
async fn pages(cloud: &Cloud, query: &str, link: &str) -> Vec<Vec<String>> {
    let settings = Settings {
        allowed_origin: AllowedOrigin::default(),
        answer_within: Duration::from_secs(10),
        record_within: Duration::from_secs(5),
    };
    let api = router(backend_of(cloud.clone()), settings);
    let mut uri = format!("https://api.example.com/medical/v1/patient{query}");
    let mut pages = Vec::new();
    loop {
        let url = RequestUrl(uri.split('?').next().and_then(|url| url.parse().ok()));
        let request = Request::get(&uri).header("x-api-key", KEY).extension(url);
        let answer = api.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let page: Value = serde_json::from_slice(&body).unwrap();
        let patients = page["patients"].as_array().unwrap().iter();
        let names = patients.map(|patient| patient["lastName"].as_str().unwrap().to_owned());
        pages.push(names.collect());
        match page["meta"][link].as_str() {
            Some(next) => next.clone_into(&mut uri),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn links_keep_the_filter() {
    let cloud = cloud_with(9).await;
    let found = pages(&cloud, "?count=2&filters=no2%20or%20no5%20or%20no8", "nextPage").await;
    assert_eq!(found, [vec!["No2", "No5"], vec!["No8"]]);
    let all = pages(&cloud, "?count=500&filters=%22north+clinic%22+-no3", "nextPage").await;
    assert_eq!(all.concat().len(), 8);
    assert_eq!(pages(&cloud, "?filters=", "nextPage").await.concat().len(), 9);
}

#[tokio::test]
async fn a_call_reads_so_many_patients_and_the_next_page_goes_on() {
    let cloud = cloud_with(5_300).await;
    let found = pages(&cloud, "?filters=no1+or+no5050+or+no5300", "nextPage").await;
    assert_eq!(found, [vec!["No1"], vec!["No5050", "No5300"]]);
    let found = pages(&cloud, "?filters=stranger", "nextPage").await;
    assert_eq!(found, [[""; 0], [""; 0]], "an empty page with a next page");
}

#[tokio::test]
async fn a_filter_that_is_too_long_is_refused_without_its_text() {
    let api = router(
        backend_of(cloud_with(0).await),
        Settings {
            allowed_origin: AllowedOrigin::default(),
            answer_within: Duration::from_secs(10),
            record_within: Duration::from_secs(5),
        },
    );
    let uri = format!("/medical/v1/patient?filters={}", "secret".repeat(50));
    let request = Request::get(uri).header("x-api-key", KEY).body(Body::empty()).unwrap();
    let mut request = request;
    request.extensions_mut().insert(RequestUrl(None));
    let answer = api.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        problem["detail"],
        "filters must have up to 255 characters, and no control characters"
    );
}
