//! Lists of large items: an answer is never larger than Lambda returns, and no item is missing.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, answer};
use crate::stack::STACK;

/// The largest answer of a function in bytes, as Lambda's error message names it.
const LARGEST_ANSWER: usize = 6_291_556;

/// Patients of 30 KB each: a page of 500 would be 9 MB.
const PATIENTS: usize = 300;

/// How long their import may take, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

fn file() -> String {
    let street = "x".repeat(9_900);
    let address = |slot: usize| format!("{slot} {street},Boston,MA,0211{slot}");
    let columns = |slot: usize| format!("addressLine1-{slot},city-{slot},state-{slot},zip-{slot}");
    let header = format!(
        "externalId,firstName,lastName,dob,gender,{},{},{}\n",
        columns(1),
        columns(2),
        columns(3)
    );
    let names =
        ('a'..='z').flat_map(|first| ('a'..='z').map(move |second| format!("{first}{second}")));
    let rows = names.take(PATIENTS).map(|name| {
        format!(
            "large-{name},{name},Large,1980-01-01,F,{},{},{}\n",
            address(1),
            address(2),
            address(3)
        )
    });
    header + &rows.collect::<String>()
}

#[tokio::test]
async fn large_patients_are_listed_in_pages_that_lambda_returns() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (job, url) = customer.create_job("").await;
    customer.upload(&url, file()).await;
    let end = receiver.wait_for_end_of(&job, PATIENCE).await;
    assert_eq!(end.status(), "completed");

    let (mut pages, mut seen) = (0, HashSet::new());
    let mut url = format!("{}/medical/v1/patient?count=500", STACK.api_url);
    loop {
        let (status, page) =
            answer(customer.http.get(&url).header("x-api-key", &customer.api_key)).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        // As the function returns it: the body is a string in JSON.
        let handed_over =
            json!({"statusCode": 200, "multiValueHeaders": {}, "body": page.to_string()});
        let bytes = handed_over.to_string().len();
        assert!(bytes < LARGEST_ANSWER, "{bytes}");
        for patient in page["patients"].as_array().unwrap() {
            assert!(
                seen.insert(patient["externalId"].as_str().unwrap().to_owned()),
                "twice: {patient}"
            );
        }
        pages += 1;
        match page["meta"].get("nextPage").and_then(Value::as_str) {
            Some(next) => next.clone_into(&mut url),
            None => break,
        }
    }
    assert!(pages >= 3, "{pages} pages");
    assert_eq!(seen.len(), PATIENTS);
}

#[tokio::test]
async fn facilities_and_cohorts_have_pages_if_fewer_are_asked_for_and_else_are_whole() {
    let (customer, _) = Customer::with_facility();
    for number in 0..4 {
        customer.add_facility();
        let (status, _) =
            customer.post("/medical/v1/cohort", &json!({"name": format!("C{number}")})).await;
        assert_eq!(status, StatusCode::OK);
    }
    for (list, count) in [("facility", 5), ("cohort", 4)] {
        let items = if list == "facility" { "facilities" } else { "cohorts" };
        let whole = customer.pages(&format!("/medical/v1/{list}"), items).await;
        assert_eq!(whole.iter().map(Vec::len).collect::<Vec<_>>(), [count], "{list}");
        let pages = customer.pages(&format!("/medical/v1/{list}?count=2"), items).await;
        assert!(pages.iter().all(|page| page.len() <= 2));
        assert_eq!(pages.concat(), whole.concat(), "{list}");
    }
}

#[tokio::test]
async fn a_parameter_that_a_call_does_not_know_is_refused_and_named() {
    let (customer, _) = Customer::with_facility();
    for (method, path, detail) in [
        (Method::GET, "/medical/v1/patient?facilityID=x", "facilityID: unknown parameter"),
        (Method::POST, "/medical/v1/patient/bulk?dryrun=true", "dryrun: unknown parameter"),
        (Method::GET, "/settings?a=1&b=2", "a: unknown parameter; b: unknown parameter"),
    ] {
        let (status, problem) = customer.call(method, path).await;
        assert_eq!(
            (status, &problem["detail"]),
            (StatusCode::BAD_REQUEST, &detail.into()),
            "{path}"
        );
    }
    let unknown = Customer { api_key: "no key".into(), ..customer };
    let (status, _) = unknown.call(Method::GET, "/settings?a=1").await;
    assert_eq!(status, StatusCode::FORBIDDEN, "the key is checked before the parameters");
}
