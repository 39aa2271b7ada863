//! DynamoDB: errors as its reference lists them, and answers that are incomplete.

use bulk_aws::{Jobs, Patients};
use bulk_domain::ids::JobId;
use bulk_pipeline::ports::Write;
use bulk_pipeline::ports::prelude::*;
use serde_json::{Value, json};

use super::server::Server;
use super::{SECRET, assert_error};
use crate::given::{self, RETENTION};

fn error(status: u16, code: &str) -> (u16, String) {
    let body = json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": format!("One or more parameter values were invalid: {SECRET}"),
    });
    (status, body.to_string())
}

async fn assert_is(status: u16, code: &str, transient: bool) {
    let server = Server::answering([error(status, code)]).await;
    let client = server.endpoint.dynamodb();
    let jobs = Jobs::new(client.clone(), "Jobs".to_owned(), RETENTION);
    let patients = Patients::new(client, "Patients".to_owned());
    assert_error(&jobs.load_job(given::job_id()).await.unwrap_err(), transient, code);
    assert_error(&jobs.create_job(&given::job()).await.unwrap_err(), transient, code);
    let customer = given::customer();
    let person = given::person("1 Main St");
    let store = patients.store_person(customer, given::bucket(), &person, None).await;
    assert_error(&store.unwrap_err(), transient, code);
    let load = patients.load_people(customer, &[given::bucket()]).await;
    assert_error(&load.unwrap_err(), transient, code);
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn what_passes_by_itself_is_transient() {
    for code in [
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "LimitExceededException",
        "TransactionInProgressException",
    ] {
        assert_is(400, code, true).await;
    }
    // An operator corrects these, so that the same request succeeds later.
    for code in ["AccessDeniedException", "ExpiredTokenException", "ResourceNotFoundException"] {
        assert_is(400, code, true).await;
    }
    assert_is(500, "InternalServerError", true).await;
    assert_is(503, "ServiceUnavailable", true).await;
}

#[tokio::test]
async fn what_the_same_request_would_meet_again_is_not_transient() {
    for code in [
        "ValidationException",
        "ItemCollectionSizeLimitExceededException",
        "SerializationException",
    ] {
        assert_is(400, code, false).await;
    }
}

#[tokio::test]
async fn a_failed_condition_is_an_answer() {
    let server = Server::answering([error(400, "ConditionalCheckFailedException")]).await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let person = given::person("1 Main St");
    let write = patients.store_person(given::customer(), given::bucket(), &person, None).await;
    assert_eq!(write.unwrap(), Write::Conflict);
}

/// Returns the answer that leaves every key of the request unprocessed.
fn all_unprocessed(requests: &Value) -> (u16, String) {
    (200, json!({"Responses": {"Patients": []}, "UnprocessedKeys": requests}).to_string())
}

#[tokio::test]
async fn unprocessed_keys_are_asked_for_again() {
    let (customer, buckets) = (given::customer(), [given::bucket(), given::bucket()]);
    let people = ["1 Main St", "2 Main St"].map(given::person);
    let key = |bucket| json!({"pk": {"S": format!("{customer}#{bucket}")}, "sk": {"S": "person"}});
    let item = |index: usize| {
        let mut item = key(buckets[index]);
        item["doc"] = json!({"S": serde_json::to_string(&people[index]).unwrap()});
        item["version"] = json!({"N": "3"});
        item
    };
    let left = json!({"Patients": {"Keys": [key(buckets[1])], "ConsistentRead": true}});
    let server = Server::answering([
        (200, json!({"Responses": {"Patients": [item(0)]}, "UnprocessedKeys": left}).to_string()),
        all_unprocessed(&left),
        (200, json!({"Responses": {"Patients": [item(1)]}, "UnprocessedKeys": {}}).to_string()),
    ])
    .await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let found = patients.load_people(customer, &buckets).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!((0..2).all(|index| found[&buckets[index]].value == people[index]));
    let asked = server.requests();
    let keys = |request: usize| {
        asked[request]["RequestItems"]["Patients"]["Keys"].as_array().unwrap().len()
    };
    assert_eq!((asked.len(), keys(0), keys(1), keys(2)), (3, 2, 1, 1));
    assert_eq!(asked[2]["RequestItems"]["Patients"]["ConsistentRead"], true);
}

#[tokio::test]
async fn keys_that_stay_unprocessed_are_a_transient_error() {
    let customer = given::customer();
    let key = json!({"pk": {"S": "left"}, "sk": {"S": "person"}});
    let server = Server::answering([all_unprocessed(&json!({"Patients": {"Keys": [key]}}))]).await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let error = patients.load_people(customer, &[given::bucket()]).await.unwrap_err();
    assert_error(&error, true, "unprocessed keys");
}

#[tokio::test]
async fn a_page_without_a_match_is_not_the_end() {
    let key = |job: JobId| {
        json!({
            "pk": {"S": format!("open#{}", given::customer())}, "sk": {"S": job.to_string()},
            "waiting": {"BOOL": true},
        })
    };
    let ends = [key(given::job_id()), key(given::job_id())];
    let empty = |end: &Value| {
        json!({"Items": [], "Count": 0, "ScannedCount": 5000, "LastEvaluatedKey": end}).to_string()
    };
    let found = json!({"Items": [key(given::job_id())], "Count": 1, "ScannedCount": 7});
    let end = json!({"Items": [], "Count": 0, "ScannedCount": 7});
    for (last, expected) in [(found, 1), (end, 0)] {
        let pages = [(200, empty(&ends[0])), (200, empty(&ends[1])), (200, last.to_string())];
        let server = Server::answering(pages).await;
        let jobs = Jobs::new(server.endpoint.dynamodb(), "Jobs".to_owned(), RETENTION);
        let open =
            jobs.open_jobs(given::customer(), JobId::ALL, given::at(given::NOW)).await.unwrap();
        assert_eq!(open.len(), expected);
        let asked = server.requests();
        assert_eq!(asked.len(), 3);
        assert_eq!(asked[2]["ExclusiveStartKey"], ends[1]);
    }
}

/// Returns the answers to statements with these error codes.
fn answers(codes: &[Option<&str>]) -> (u16, String) {
    let answer = |code: Option<&str>| match code {
        None => json!({"TableName": "Patients"}),
        Some(code) => json!({"Error": {"Code": code, "Message": SECRET}}),
    };
    (200, json!({"Responses": codes.iter().copied().map(answer).collect::<Vec<_>>()}).to_string())
}

#[tokio::test]
async fn a_person_counts_as_inserted_only_if_its_statement_succeeded() {
    let people: Vec<_> = (0..7).map(|number| given::person(&format!("{number} Main St"))).collect();
    let people: Vec<_> = people.iter().map(|person| (given::bucket(), person)).collect();
    let errors = ["DuplicateItem", "ThrottlingError", "InternalServerError", "NewCode"];
    let codes = [None, Some(errors[0]), Some(errors[1]), None, Some(errors[2]), Some(errors[3])];
    // The answer to the last statement is missing.
    let server = Server::answering([answers(&codes)]).await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let inserted = patients.insert_people(given::customer(), &people).await.unwrap();
    assert_eq!(inserted, [true, false, false, true, false, false, false]);
    assert_eq!(server.requests().len(), 1, "what was not stored is stored one by one");
}

#[tokio::test]
async fn statements_hold_no_values() {
    let (customer, person) = (given::customer(), given::person(SECRET));
    let server = Server::answering([answers(&[None])]).await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let inserted = patients.insert_people(customer, &[(given::bucket(), &person)]).await.unwrap();
    assert_eq!(inserted, [true]);
    let statement = &server.requests()[0]["Statements"][0];
    assert!(statement["Parameters"].to_string().contains(SECRET));
    let text = statement["Statement"].as_str().unwrap();
    assert!(text.starts_with("INSERT INTO \"Patients\" VALUE {'"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains(&customer.to_string()), "{text}");
}

#[tokio::test]
async fn a_long_person_is_not_part_of_a_batch() {
    let (short, long) = (given::person("1 Main St"), given::person(&"x".repeat(20_000)));
    let people = [(given::bucket(), &long), (given::bucket(), &short)];
    let server = Server::answering([answers(&[None])]).await;
    let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
    let inserted = patients.insert_people(given::customer(), &people).await.unwrap();
    assert_eq!(inserted, [false, true]);
    assert_eq!(server.requests()[0]["Statements"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_batch_stores_nothing_and_a_disturbed_one_is_retried() {
    let person = given::person("1 Main St");
    let insert = async |status: u16, code: &str| {
        let server = Server::answering([error(status, code)]).await;
        let patients = Patients::new(server.endpoint.dynamodb(), "Patients".to_owned());
        patients.insert_people(given::customer(), &[(given::bucket(), &person)]).await
    };
    assert_eq!(insert(400, "ValidationException").await.unwrap(), [false]);
    for (status, code) in [(400, "AccessDeniedException"), (500, "InternalServerError")] {
        assert_error(&insert(status, code).await.unwrap_err(), true, code);
    }
}
