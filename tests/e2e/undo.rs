//! Undoes an import: patients that it created are gone, the others stay and are listed with the
//! reason, by the API and by `bulk undo`.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, PATIENCE};

const BULK: &str = "/medical/v1/patient/bulk";
const HEADER: &str =
    "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,cohort";

fn row(number: u32, phone: &str, cohort: &str) -> String {
    format!(
        "ext-{number},First{number},Last,1980-01-01,F,{number} Main St,Boston,MA,02108,{phone},{cohort}\n"
    )
}

fn file(numbers: impl Iterator<Item = u32>, phone: &str, cohort: &str) -> String {
    let rows: String = numbers.map(|number| row(number, phone, cohort)).collect();
    format!("{HEADER}\n{rows}")
}

/// Waits until the undo of an import has ended, and returns the import.
async fn undone(customer: &Customer, job: &str) -> Value {
    let started = Instant::now();
    loop {
        let (_, read) = customer.call(Method::GET, &format!("{BULK}/{job}")).await;
        if read["undo"]["status"] == "completed" {
            return read;
        }
        assert!(started.elapsed() < PATIENCE, "the undo does not end: {read}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn an_undo_deletes_what_only_its_import_wrote_and_lists_what_stays() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (_, cohort) = customer.post("/medical/v1/cohort", &json!({"name": "Programme A"})).await;
    let cohort = cohort["id"].as_str().unwrap();
    let import = async |file: String| {
        let (job, url) = customer.create_job("").await;
        customer.upload(&url, file).await;
        assert_eq!(receiver.wait_for_end_of(&job, PATIENCE).await.status(), "completed");
        job
    };
    import(file(1..=1, "", "")).await;
    // Two chunks and a bit, one patient that was there, and one that is changed later.
    let wrong = import(file(1..=600, "6175550100", cohort)).await;
    import(file(2..=2, "6175550102", "")).await;

    let path = format!("{BULK}/{wrong}/undo");
    let (other, _) = Customer::with_facility();
    assert_eq!(other.call(Method::POST, &path).await.0, StatusCode::NOT_FOUND);
    let (status, begun) = customer.call(Method::POST, &path).await;
    assert_eq!(status, StatusCode::OK, "{begun}");
    assert_eq!((&begun["status"], begun["undo"].is_object()), (&"completed".into(), true));
    let read = undone(&customer, &wrong).await;
    assert_eq!((&read["undo"]["deleted"], &read["undo"]["kept"]), (&598.into(), &2.into()));
    assert_eq!((&read["status"], &read["created"]), (&"completed".into(), &599.into()));
    let kept = customer.download(read["undo"]["keptPatients"].as_str().unwrap()).await;
    assert_eq!(kept.column("reason"), ["existed before", "changed by a later job"]);
    assert_eq!(kept.column("externalId"), ["ext-1", "ext-2"]);

    let pages = customer.pages("/medical/v1/patient?count=100", "patients").await;
    assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 2);
    let (_, size) = customer.call(Method::GET, &format!("/medical/v1/cohort/{cohort}")).await;
    assert_eq!(size["size"], 2);
    let external = |number: u32| format!("/medical/v1/patient/external-id?externalId=ext-{number}");
    assert_eq!(customer.call(Method::GET, &external(3)).await.0, StatusCode::NOT_FOUND);
    assert_eq!(customer.call(Method::GET, &external(2)).await.0, StatusCode::OK);

    let (_, again) = customer.call(Method::POST, &path).await;
    assert_eq!(again["undo"]["deleted"], 598);
    // A later row about a deleted patient creates another one.
    let later = import(file(3..=3, "", "")).await;
    let (_, later) = customer.call(Method::GET, &format!("{BULK}/{later}")).await;
    assert_eq!(later["created"], 1);
}

#[tokio::test]
async fn an_import_that_has_not_ended_or_was_a_dry_run_cannot_be_undone() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (waiting, _) = customer.create_job("").await;
    let refused = async |job: &str| {
        let (status, problem) = customer.call(Method::POST, &format!("{BULK}/{job}/undo")).await;
        assert_eq!((status, &problem["name"]), (StatusCode::CONFLICT, &"CONFLICT".into()));
        problem["detail"].as_str().unwrap().to_owned()
    };
    assert!(refused(&waiting).await.contains("has not ended"));
    let (dry_run, _) = customer.import(&receiver, "?dryRun=true", &file(1..=1, "", "")).await;
    assert!(refused(&dry_run).await.contains("dry run"));
}
