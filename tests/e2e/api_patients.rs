//! Imported patients, read back: lists, matches, external ids, cohorts.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, PATIENCE, answer};
use crate::receiver::Receiver;

const PATIENT: &str = "/medical/v1/patient";
const HEADER: &str =
    "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,cohort,facilityId";

/// Imports people by their numbers, into a cohort and a facility.
async fn import(
    customer: &Customer,
    receiver: &Receiver,
    people: &[u32],
    cohort: &str,
    facility: &str,
) {
    let rows: String = people
        .iter()
        .map(|n| {
            format!("ext-{n},First{n},Last,1980-01-01,F,{n} Main St,Boston,MA,02108,{cohort},{facility}\n")
        })
        .collect();
    let query = format!("?facilityId={facility}");
    let (job, url) = customer.create_job(&query).await;
    customer.upload(&url, format!("{HEADER}\n{rows}")).await;
    assert_eq!(receiver.wait_for_end_of(&job, PATIENCE).await.status(), "completed");
}

fn external_ids(patients: &[Value]) -> Vec<&str> {
    patients.iter().map(|patient| patient["externalId"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_patient_is_listed_once_on_pages_and_by_facility_and_cohort() {
    let (customer, first) = Customer::with_facility();
    let second = customer.add_facility();
    let (_, cohort) = customer.post("/medical/v1/cohort", &json!({"name": "Some"})).await;
    let cohort = cohort["id"].as_str().unwrap();
    let (receiver, _) = customer.listen().await;
    import(&customer, &receiver, &[1, 2, 3], "", &first).await;
    // The second file repeats 2 and 3, now in the cohort and at the other facility too, and adds 4
    // and 5.
    import(&customer, &receiver, &[2, 3, 4, 5], cohort, &second).await;

    let pages = customer.pages(&format!("{PATIENT}?count=2"), "patients").await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(external_ids(&pages.concat()), ["ext-1", "ext-2", "ext-3", "ext-4", "ext-5"]);
    let listed = async |path: String| customer.pages(&path, "patients").await.concat();
    let by_first = listed(format!("{PATIENT}?facilityId={first}&count=1")).await;
    let by_second = listed(format!("{PATIENT}?facilityId={second}&count=1")).await;
    let by_cohort = listed(format!("/medical/v1/cohort/{cohort}/patient?count=3")).await;
    assert_eq!(external_ids(&by_first), ["ext-1", "ext-2", "ext-3"]);
    assert_eq!(external_ids(&by_second), ["ext-2", "ext-3", "ext-4", "ext-5"]);
    assert_eq!(external_ids(&by_cohort), ["ext-2", "ext-3", "ext-4", "ext-5"]);
    assert_eq!(by_cohort[0]["cohortIds"], json!([cohort]));
}

#[tokio::test]
async fn a_cohort_counts_each_patient_once() {
    let (customer, facility) = Customer::with_facility();
    let (_, cohort) = customer.post("/medical/v1/cohort", &json!({"name": "Some"})).await;
    let path = format!("/medical/v1/cohort/{}", cohort["id"].as_str().unwrap());
    let (receiver, _) = customer.listen().await;
    for people in [&[1, 2][..], &[2, 3]] {
        import(&customer, &receiver, people, cohort["id"].as_str().unwrap(), &facility).await;
    }
    assert_eq!(customer.call(Method::GET, &path).await.1["size"], 3);
    assert_eq!(customer.call(Method::GET, "/medical/v1/cohort").await.1["cohorts"][0]["size"], 3);
}

#[tokio::test]
async fn a_deleted_patient_is_gone_and_a_later_row_creates_another_one() {
    let (customer, facility) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (_, cohort) = customer.post("/medical/v1/cohort", &json!({"name": "Some"})).await;
    let cohort = cohort["id"].as_str().unwrap();
    let (receiver, _) = customer.listen().await;
    import(&customer, &receiver, &[1, 2], cohort, &facility).await;
    let by_external_id = format!("{PATIENT}/external-id?externalId=ext-1");
    let (_, patient) = customer.call(Method::GET, &by_external_id).await;
    let path = format!("{PATIENT}/{}", patient["id"].as_str().unwrap());
    assert_eq!(other.call(Method::DELETE, &path).await.0, StatusCode::NOT_FOUND);
    assert_eq!(customer.call(Method::DELETE, &path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(customer.call(Method::DELETE, &path).await.0, StatusCode::NOT_FOUND);
    for path in [&path, &by_external_id] {
        assert_eq!(customer.call(Method::GET, path).await.0, StatusCode::NOT_FOUND);
    }
    let listed = async |path: String| customer.pages(&path, "patients").await.concat();
    assert_eq!(external_ids(&listed(format!("{PATIENT}?count=1")).await), ["ext-2"]);
    for (filters, found) in [("ext-2", 1), ("first2%20or%20first1", 1), ("-first2", 0)] {
        let listed = listed(format!("{PATIENT}?filters={filters}")).await;
        assert_eq!(listed.len(), found, "{filters}");
    }
    let cohort_path = format!("/medical/v1/cohort/{cohort}");
    assert_eq!(external_ids(&listed(format!("{cohort_path}/patient")).await), ["ext-2"]);
    assert_eq!(customer.call(Method::GET, &cohort_path).await.1["size"], 1);

    import(&customer, &receiver, &[1], cohort, &facility).await;
    let (_, again) = customer.call(Method::GET, &by_external_id).await;
    assert_ne!(again["id"], patient["id"]);
    assert_eq!(customer.call(Method::GET, &cohort_path).await.1["size"], 2);
}

#[tokio::test]
async fn a_person_is_matched_as_a_row_would_be() {
    let (customer, facility) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    import(&customer, &receiver, &[1], "", &facility).await;
    let home =
        json!({"addressLine1": "9 Elsewhere", "city": "Boston", "state": "MA", "zip": "2108-1234"});
    let person = json!({
        "firstName": " FIRST1 ", "lastName": "last", "dob": "1/1/1980", "genderAtBirth": "female", "address": [home]
    });
    let path = format!("{PATIENT}/match");
    let (status, patient) = customer.post(&path, &person).await;
    assert_eq!((status, &patient["externalId"]), (StatusCode::OK, &"ext-1".into()), "{patient}");
    let by_id =
        customer.call(Method::GET, &format!("{PATIENT}/{}", patient["id"].as_str().unwrap())).await;
    assert_eq!(by_id.1, patient);
    let mut one_address = person.clone();
    one_address["address"] = home.clone();
    assert_eq!(customer.post(&path, &one_address).await.1, patient);
    let mut elsewhere = person.clone();
    elsewhere["address"][0]["zip"] = "94110".into();
    assert_eq!(customer.post(&path, &elsewhere).await.0, StatusCode::NOT_FOUND);
    assert_eq!(other.post(&path, &person).await.0, StatusCode::NOT_FOUND);

    let (status, problem) =
        customer.post(&path, &json!({"firstName": "Secret", "dob": "Secret", "address": []})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        problem["detail"],
        "lastName: missing; dob: not a date; genderAtBirth: missing; address: not an address"
    );
}

#[tokio::test]
async fn an_external_id_finds_the_one_patient_that_has_it_now() {
    let (customer, facility) = Customer::with_facility();
    let (other, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    import(&customer, &receiver, &[1, 2], "", &facility).await;
    let path = |id: &str| format!("{PATIENT}/external-id?externalId={id}");
    let (status, patient) = customer.call(Method::GET, &path("ext-2")).await;
    assert_eq!((status, &patient["firstName"]), (StatusCode::OK, &"First2".into()), "{patient}");
    assert_eq!(other.call(Method::GET, &path("ext-2")).await.0, StatusCode::NOT_FOUND);

    // Another person gets the same id, so that it is ambiguous.
    let row = format!("ext-2,Third,Last,1980-01-01,F,3 Main St,Boston,MA,02108,,{facility}\n");
    let (job, url) = customer.create_job("").await;
    customer.upload(&url, format!("{HEADER}\n{row}")).await;
    assert_eq!(receiver.wait_for_end_of(&job, PATIENCE).await.status(), "completed");
    let (status, problem) = customer.call(Method::GET, &path("ext-2")).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::BAD_REQUEST, &"More than one patient has this external ID".into())
    );
    let (status, problem) = customer.call(Method::GET, &path("")).await;
    assert_eq!(
        (status, &problem["detail"]),
        (StatusCode::BAD_REQUEST, &"externalId: missing".into())
    );
}

#[tokio::test]
async fn a_corrected_patient_is_the_one_that_later_rows_are_about() {
    let (customer, facility) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    import(&customer, &receiver, &[1], "", &facility).await;
    let by_external_id = format!("{PATIENT}/external-id?externalId=ext-1");
    let (_, mut patient) = customer.call(Method::GET, &by_external_id).await;
    let path = format!("{PATIENT}/{}", patient["id"].as_str().unwrap());
    let put =
        async |patient: &Value| answer(customer.request(Method::PUT, &path).json(patient)).await;
    let stale = patient.clone();
    patient["firstName"] = "First2".into();
    let (status, corrected) = put(&patient).await;
    assert_eq!(
        (status, &corrected["firstName"]),
        (StatusCode::OK, &"First2".into()),
        "{corrected}"
    );
    assert_eq!(put(&stale).await.0, StatusCode::PRECONDITION_FAILED);
    assert_eq!(customer.call(Method::GET, &path).await.1, corrected);

    // The row of the second person is about the patient now, and that of the first one is not.
    import(&customer, &receiver, &[2], "", &facility).await;
    let (_, updated) = customer.call(Method::GET, &path).await;
    assert_eq!(updated["externalId"], "ext-2");
    import(&customer, &receiver, &[1], "", &facility).await;
    let (_, other) = customer.call(Method::GET, &by_external_id).await;
    assert_ne!(other["id"], updated["id"]);
    let listed = customer.pages(&format!("{PATIENT}?count=1"), "patients").await.concat();
    assert_eq!(listed.len(), 2);
    assert_eq!(customer.call(Method::DELETE, &path).await.0, StatusCode::NO_CONTENT);
    assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::NOT_FOUND);
}
