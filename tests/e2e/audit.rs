//! The audit trail of a stack, as an operator reads it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::Customer;
use crate::stack::STACK;

/// Returns the events that `bulk-admin audit` prints.
fn events(arguments: &[&str]) -> Vec<Value> {
    let output = std::process::Command::new(STACK.binary("bulk-admin"))
        .args([&["audit", "--since", "1d", "--json"], arguments].concat())
        .envs(&STACK.admin_env)
        .output()
        .expect("the command line runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn actions<'a>(events: &'a [Value], kind: &str) -> Vec<&'a str> {
    events.iter().filter_map(|event| event["action"][kind].as_str()).collect()
}

#[tokio::test]
async fn what_an_import_and_its_reader_did_can_be_read() {
    let (customer, _) = Customer::with_facility();
    let (receiver, _) = customer.listen().await;
    let header = "externalId,firstName,lastName,dob,gender,addressLine1,city,state,zip";
    let row = "audit-7,Wilhelmina,Cavendish,1985-12-10,F,1 Main St,Boston,MA,02108";
    let (job, _) = customer.import(&receiver, "", &format!("{header}\n{row}\n")).await;
    let path = "/medical/v1/patient/external-id?externalId=audit-7";
    let (status, patient) = customer.call(Method::GET, path).await;
    assert_eq!(status, StatusCode::OK);
    let patient = patient["id"].as_str().unwrap();

    let of_patient = events(&["--patient", patient]);
    assert_eq!(
        actions(&of_patient, "import"),
        ["write-patients", "complete-chunk", "query-documents"]
    );
    let calls = actions(&of_patient, "call");
    assert_eq!(calls, ["GET /medical/v1/patient/external-id"]);
    let read = of_patient.iter().rfind(|event| event["action"]["call"].is_string()).unwrap();
    assert_eq!(read["status"], 200, "{read}");
    assert!(read["key"].is_string() && read["sourceAddress"].is_string(), "{read}");

    let of_job = events(&["--job", &job]);
    let steps = actions(&of_job, "import");
    for step in ["read-file", "write-patients", "complete-chunk", "write-results", "end-job"] {
        assert!(steps.contains(&step), "{step} of {steps:?}");
    }
    let linked: Vec<&Value> =
        of_job.iter().filter(|event| event["action"]["webhook"].is_string()).collect();
    assert!(linked.iter().any(|event| event["links"] == json!(["result"])), "{linked:?}");
    assert!(linked.iter().any(|event| event["status"] == 200), "{linked:?}");

    let of_customer = events(&["--customer", &customer.id]);
    let commands = actions(&of_customer, "command");
    assert!(commands.contains(&"key create") && commands.contains(&"facility create"));
    let arn = |event: &Value| event["arn"].as_str().is_some_and(|arn| arn.starts_with("arn:aws:"));
    assert!(of_customer.iter().any(arn), "no operator is named");
    for secret in ["Wilhelmina", "Cavendish", "audit-7", &customer.api_key] {
        assert!(!Value::from(of_customer.clone()).to_string().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_a_key_did_and_what_was_refused_can_be_read() {
    let customer = Customer::new();
    let keys = STACK.admin_json(&["key", "list", "--customer", &customer.id]);
    let key = keys["id"].as_str().unwrap().to_owned();
    let unknown = "/medical/v1/patient/6496bec1-d4cd-879b-9f0b-e62698adc474";
    assert_eq!(customer.call(Method::GET, unknown).await.0, StatusCode::NOT_FOUND);
    STACK.admin_json(&["key", "revoke", &key]);
    assert_eq!(customer.call(Method::GET, unknown).await.0, StatusCode::FORBIDDEN);

    let of_key = events(&["--key", &key]);
    assert_eq!(actions(&of_key, "call"), ["GET /medical/v1/patient/{id}"]);
    // To read the events about a key is an event about it, too.
    assert_eq!(actions(&of_key, "command"), ["key create", "key revoke", "key revoke", "audit"]);
    // The refused call has no key any more, but it names the patient.
    let of_patient = events(&["--patient", "6496bec1-d4cd-879b-9f0b-e62698adc474"]);
    let refused = of_patient.iter().rfind(|event| event["status"] == 403).unwrap();
    assert!(refused.get("key").is_none() && refused.get("customer").is_none(), "{refused}");
}
