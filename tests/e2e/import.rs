//! The main job: create, upload, webhooks, result.

use std::collections::HashSet;

use reqwest::{Method, StatusCode};

use crate::customer::{Customer, PATIENCE};
use crate::receiver::Delivery;

const HEADER: &str =
    "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip,phone,note";

fn file(rows: &[&str]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

#[tokio::test]
async fn every_row_of_the_result_is_its_row_of_the_upload_and_its_outcome() {
    let (customer, facility) = Customer::with_facility();
    let (receiver, key) = customer.listen().await;
    let rows = [
        "a1,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110,6175550100,\"first, of all\"",
        "a2,Grace,Hopper,02/31/1986,F,2 Oak Ave,Austin,TX,78701,,",
        "a3,Alan,Turing,1992-06-23,M,3 Elm Rd,Denver,Colorado,80202,(303) 555-0199 x12,\"a \"\"quote\"\"\"",
        "a4,ADA,LOVELACE,12/10/1985,female,1 main st,Boston,MA,2110,6175550111,same person as a1",
        "a5,Edsger,Dijkstra,1990-05-11,M,4 Pine,Austin,,78701,12345,",
        "a6,José,Núñez,19880102,m,5 Bay,Miami,FL,33101-1234,,",
    ];
    let (id, message) = customer.import(&receiver, "", &file(&rows)).await;
    assert_eq!(message.status(), "completed", "{:?}", message.json());
    message.assert_signed_with(&key);

    let statuses: Vec<String> = receiver.deliveries().iter().map(Delivery::status).collect();
    assert_eq!(statuses, ["processing", "completed"]);
    let body = message.json();
    assert_eq!(body["meta"]["type"], "medical.bulk-patient-create");
    assert_eq!(body["meta"]["requestId"], id.as_str());
    assert_eq!(body["bulkPatientCreate"]["requestId"], id.as_str());

    let table = customer.download(body["bulkPatientCreate"]["result"].as_str().unwrap()).await;
    let columns = format!("{HEADER},metriportId,status,reason");
    assert_eq!(table.header, columns.split(',').collect::<Vec<_>>());
    assert_eq!(table.column("externalId"), ["a1", "a2", "a3", "a4", "a5", "a6"]);
    assert_eq!(table.column("note")[..3], ["first, of all", "", "a \"quote\""]);
    assert_eq!(
        table.column("status"),
        ["succeeded", "failed", "succeeded", "succeeded", "failed", "succeeded"]
    );
    assert_eq!(
        table.column("reason"),
        [
            "",
            "dob: no such day",
            "",
            "warning: externalId: replaced another number",
            "state: missing; phone: not a 10-digit phone number",
            ""
        ]
    );
    let ids = table.column("metriportId");
    assert_eq!(ids[0], ids[3], "one person is one patient");
    assert_eq!(ids.iter().filter(|id| !id.is_empty()).collect::<HashSet<_>>().len(), 3);
    assert_eq!((ids[1], ids[4]), ("", ""));

    let (status, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&job["status"], &job["total"]), (&"completed".into(), &6.into()));
    assert_eq!((&job["successful"], &job["failed"]), (&4.into(), &2.into()));
    assert_eq!((&job["created"], &job["updated"]), (&3.into(), &1.into()));
    assert_eq!(job["progress"], 1.0);
    let again = customer.download(job["result"].as_str().unwrap()).await;
    assert_eq!(again.rows, table.rows);
    let failures = customer.download(job["failures"].as_str().unwrap()).await;
    assert_eq!(failures.rows, [table.rows[1].clone(), table.rows[4].clone()]);

    let (status, patient) =
        customer.call(Method::GET, &format!("/medical/v1/patient/{}", ids[0])).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(patient["externalId"], "a4", "the later row wins");
    assert_eq!((&patient["firstName"], &patient["dob"]), (&"Ada".into(), &"1985-12-10".into()));
    assert_eq!(
        patient["address"].as_array().unwrap().len(),
        1,
        "the same address is not added twice"
    );
    assert_eq!(patient["contact"].as_array().unwrap().len(), 2);
    assert_eq!(patient["facilityIds"], serde_json::json!([facility]));
    let (other, _) = Customer::with_facility();
    let (status, _) = other.call(Method::GET, &format!("/medical/v1/patient/{}", ids[0])).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_same_file_again_creates_no_patient() {
    let (customer, _) = Customer::with_facility();
    let rows: Vec<String> = (0..300)
        .map(|n| format!("x{n},First{n},Last,1980-01-01,O,{n} Road,Boston,MA,{:05},,", 10000 + n))
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (receiver, _) = customer.listen().await;
        let (_, message) = customer.import(&receiver, "", &file(&rows)).await;
        let link = message.json()["bulkPatientCreate"]["result"].as_str().unwrap().to_owned();
        seen.push(customer.download(&link).await.rows);
    }
    assert_eq!(seen[0].len(), 300);
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test]
async fn a_dry_run_tells_what_an_import_would_do_and_changes_nothing() {
    let (customer, _) = Customer::with_facility();
    let counts = async |id: &str| {
        let (_, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
        ["created", "updated", "unchanged", "failed"].map(|name| job[name].as_u64().unwrap())
    };
    let known = [
        "k1,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110,6175550100,",
        "k2,Alan,Turing,1992-06-23,M,3 Elm Rd,Denver,CO,80202,,",
    ];
    let (receiver, _) = customer.listen().await;
    let (id, message) = customer.import(&receiver, "", &file(&known)).await;
    assert_eq!(counts(&id).await, [2, 0, 0, 0]);
    let result = async |message: &Delivery| {
        let link = message.json()["bulkPatientCreate"]["result"].as_str().unwrap().to_owned();
        customer.download(&link).await
    };
    let stored = result(&message).await;
    let ids = stored.column("metriportId");

    let rows = [
        known[0],
        "k3,ALAN,TURING,06/23/1992,m,9 Oak St,Denver,CO,80202,,moved and renumbered",
        "k4,Ada,Lovelace,1985-12-10,F,1 Main St,Austin,TX,78701,,lives nowhere near the other one",
        "k4,Ada,Lovelace,1985-12-10,F,1 Main St,Austin,TX,78701,,once more",
        "k4,Ada,Lovelace,1985-12-10,F,1 Main St,Austin,TX,78701,6175550111,with a phone",
        "k1,Eve,New,1970-01-01,F,1 Main St,Austin,TX,78701,,under the id of another one",
        "k5,Ada,Lovelace,1985-12-10,Q,1 Main St,Boston,MA,02110,,",
    ];
    let expected_ids = [ids[0], ids[1], "", "", "", "", ""];
    let expected_reasons = [
        "",
        "warning: externalId: replaced another number",
        "",
        "",
        "",
        "warning: externalId: another patient has it",
        "gender: not M, F, O or U",
    ];
    let mut counted = Vec::new();
    for _ in 0..2 {
        let (receiver, _) = customer.listen().await;
        let (id, message) = customer.import(&receiver, "?dryRun=true", &file(&rows)).await;
        let table = result(&message).await;
        assert_eq!(table.column("metriportId"), expected_ids);
        assert_eq!(table.column("reason"), expected_reasons);
        counted.push(counts(&id).await);
    }
    // A dry run changes nothing, so that the second one says the same, and an import does it.
    let (receiver, _) = customer.listen().await;
    let (id, message) = customer.import(&receiver, "", &file(&rows)).await;
    assert_eq!(result(&message).await.column("reason"), expected_reasons);
    counted.push(counts(&id).await);
    assert_eq!(counted, [[2, 2, 2, 1]; 3]);
}

#[tokio::test]
async fn the_first_upload_wins_and_a_bare_put_is_enough() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let (id, url) = customer.create_job("").await;
    customer
        .upload_bare(&url, file(&["1,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110,,"]))
        .await;
    receiver.wait_for(&["processing"], PATIENCE).await;
    customer
        .upload_bare(&url, file(&["2,Eve,Other,1985-12-10,F,1 Main St,Boston,MA,02110,,"; 3]))
        .await;
    receiver.wait_for(&["completed"], PATIENCE).await;
    let (_, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!(job["total"], 1);
    let table = customer.download(job["result"].as_str().unwrap()).await;
    assert_eq!(table.column("externalId"), ["1"]);
    assert!(job.get("failures").is_none());
}

#[tokio::test]
async fn without_a_receiver_a_job_completes_all_the_same() {
    let (customer, _) = Customer::with_facility();
    let (id, url) = customer.create_job("").await;
    customer.upload(&url, file(&["1,Ada,Lovelace,1985-12-10,F,1 Main St,Boston,MA,02110,,"])).await;
    customer.wait_until_completed(&id).await;
}
