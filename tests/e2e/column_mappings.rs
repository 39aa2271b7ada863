//! What callers say about header cells that the service does not understand by their names.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::{Customer, PATIENCE};

const BULK: &str = "/medical/v1/patient/bulk";

/// Header cells with characters that mean something in a URL, in a CSV file or in UTF-8 only.
const HEADER: &str = "\"Vorname, Rufname\",Name & Zuname,Geburtstag (100%),Größe+Geschlecht,\
Straße #1,Ort=Stadt?,State,Zip,Zip;2,Remark";

const ROW: &str = "José,Núñez,1985-12-10,F,1 Main St,Boston,MA,02110,,a remark";

const MAPPINGS: [&str; 6] = [
    "firstName:Vorname, Rufname",
    "lastName:Name & Zuname",
    "dob:Geburtstag (100%)",
    "gender:Größe+Geschlecht",
    "addressLine1:Straße #1",
    "city:Ort=Stadt?",
];

/// Returns the mappings as a query string, with one of the two ways to write a space.
fn query(mappings: &[&str], space: &str) -> String {
    let byte = |byte: u8| match byte {
        b' ' => space.to_owned(),
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let parameter =
        |mapping: &&str| format!("column={}", mapping.bytes().map(byte).collect::<String>());
    format!("?{}", mappings.iter().map(parameter).collect::<Vec<_>>().join("&"))
}

async fn job(customer: &Customer, id: &str) -> Value {
    let (status, job) = customer.call(Method::GET, &format!("{BULK}/{id}")).await;
    assert_eq!(status, StatusCode::OK, "{job}");
    job
}

#[tokio::test]
async fn a_header_cell_with_any_text_can_be_mapped() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    for space in ["%20", "+"] {
        let (id, url) = customer.create_job(&query(&MAPPINGS, space)).await;
        customer.upload(&url, format!("{HEADER}\n{ROW}\n")).await;
        let message = receiver.wait_for_end_of(&id, PATIENCE).await;
        assert_eq!(message.status(), "completed", "{:?}", message.json());
        let job = job(&customer, &id).await;
        assert_eq!(job["params"]["columns"], json!(MAPPINGS));
        let columns = json!([
            {"header": "Vorname, Rufname", "column": "firstName"},
            {"header": "Name & Zuname", "column": "lastName"},
            {"header": "Geburtstag (100%)", "column": "dob"},
            {"header": "Größe+Geschlecht", "column": "gender"},
            {"header": "Straße #1", "column": "addressLine1"},
            {"header": "Ort=Stadt?", "column": "city"},
            {"header": "State", "column": "state"},
            {"header": "Zip", "column": "zip"},
            {"header": "Zip;2", "column": "zip-2"},
            {"header": "Remark"},
        ]);
        assert_eq!(job["columns"], columns);
        assert_eq!(job["successful"], 1);
        let result = message.json()["bulkPatientCreate"]["result"].as_str().unwrap().to_owned();
        let result = customer.download(&result).await;
        assert_eq!(result.column("Vorname, Rufname"), ["José"]);
        let id = result.column("metriportId")[0].to_owned();
        let (_, patient) = customer.call(Method::GET, &format!("/medical/v1/patient/{id}")).await;
        assert_eq!(
            [&patient["firstName"], &patient["dob"], &patient["address"][0]["city"]],
            ["José", "1985-12-10", "Boston"]
        );
    }
}

#[tokio::test]
async fn a_mapping_to_a_header_cell_that_the_file_lacks_fails_the_file_and_names_the_cell() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let mapping = "phone:Téléphone, privé & \"maison\" +33 %";
    let (id, url) = customer.create_job(&query(&[&MAPPINGS[..], &[mapping]].concat(), "%20")).await;
    customer.upload(&url, format!("{HEADER}\n{ROW}\n")).await;
    let message = receiver.wait_for(&["failed"], PATIENCE).await;
    let job = job(&customer, &id).await;
    assert_eq!(message.json()["bulkPatientCreate"]["reason"], job["reason"]);
    let reason = job["reason"].as_str().unwrap();
    for part in ["Téléphone, privé & \"maison\" +33 %", "phone"] {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(job.get("columns"), None);
}

#[tokio::test]
async fn mappings_that_contradict_each_other_are_refused() {
    let (customer, _) = Customer::with_facility();
    for mappings in [
        &["dob:Born", "dob:Birth"][..],
        &["dob:Born", "city:born"],
        &["birthday:Born"],
        &["dob"],
        &["dob: "],
    ] {
        let path = format!("{BULK}{}", query(mappings, "%20"));
        let (status, problem) = customer.call(Method::POST, &path).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{mappings:?}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains("column"), "{problem}");
    }
}
