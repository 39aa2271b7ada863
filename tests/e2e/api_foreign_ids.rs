//! Ids of another customer: each operation that takes an id answers as if no object had it.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::customer::Customer;

const V1: &str = "/medical/v1";

#[tokio::test]
async fn every_foreign_id_is_not_found_on_every_route_and_does_nothing() {
    let (owner, facility) = Customer::with_facility();
    let (_, cohort) = owner.post("/medical/v1/cohort", &json!({"name": "Theirs"})).await;
    let cohort = cohort["id"].as_str().unwrap().to_owned();
    let (receiver, _) = owner.listen().await;
    let row = "x-1,Ada,King,1985-12-10,F,1 Main St,Boston,MA,02108";
    let header = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip";
    let (job, _) = owner.import(&receiver, "", &format!("{header}\n{row}\n")).await;
    let (waiting, _) = owner.create_job("").await;
    let (_, patient) =
        owner.call(Method::GET, "/medical/v1/patient/external-id?externalId=x-1").await;
    let patient = patient["id"].as_str().unwrap().to_owned();

    let (stranger, _) = Customer::with_facility();
    for id in [&job, &waiting, &patient, &facility, &cohort, &owner.id, &stranger.id] {
        for (method, path) in [
            (Method::GET, format!("{V1}/patient/bulk/{id}")),
            (Method::POST, format!("{V1}/patient/bulk/{id}/cancel")),
            (Method::POST, format!("{V1}/patient/bulk/{id}/undo")),
            (Method::POST, format!("{V1}/patient/bulk?facilityId={id}")),
            (Method::GET, format!("{V1}/patient/{id}")),
            (Method::GET, format!("{V1}/patient?facilityId={id}")),
            (Method::GET, format!("{V1}/patient/external-id?externalId={id}")),
            (Method::GET, format!("{V1}/document?patientId={id}")),
            (Method::GET, format!("{V1}/document/query?patientId={id}")),
            (Method::POST, format!("{V1}/document/query?patientId={id}")),
            (Method::POST, format!("{V1}/document/query?patientId={patient}&facilityId={id}")),
            (Method::GET, format!("{V1}/facility/{id}")),
            (Method::GET, format!("{V1}/cohort/{id}")),
            (Method::GET, format!("{V1}/cohort/{id}/patient")),
        ] {
            let (status, problem) = stranger.call(method.clone(), &path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {problem}");
            let refused = problem.to_string();
            let unknown = path.replace(id.as_str(), "0199aaaa-0000-7000-8000-000000000000");
            let same = stranger.call(method.clone(), &unknown).await.1.to_string();
            assert_eq!(refused, same, "{method} {path} differs from the answer to an unknown id");
        }
    }
    for path in ["patient", "patient/bulk", "cohort"] {
        let (_, list) = stranger.call(Method::GET, &format!("{V1}/{path}")).await;
        for id in [&job, &waiting, &patient, &cohort] {
            assert!(!list.to_string().contains(id.as_str()), "{path}");
        }
    }
    let (_, job) = owner.call(Method::GET, &format!("{V1}/patient/bulk/{waiting}")).await;
    assert_eq!(job["status"], "waiting", "another customer cannot cancel it");
}
