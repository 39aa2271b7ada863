//! Facilities and cohorts: created and read back, with every field.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::customer::Customer;

const FACILITY: &str = "/medical/v1/facility";
const COHORT: &str = "/medical/v1/cohort";

fn facility() -> Value {
    json!({
        "name": " Lakeside  Practice ",
        "npi": "1245319599",
        "tin": "12-3456789",
        "active": false,
        "address": {"addressLine1": "1 Main St", "city": "Boston", "state": "Massachusetts", "zip": "2139"}
    })
}

#[tokio::test]
async fn a_facility_is_read_back_as_it_was_made_and_normalised() {
    let customer = Customer::new();
    let (status, made) = customer.post(FACILITY, &facility()).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let id = made["id"].as_str().unwrap();
    let expected = json!({
        "id": id,
        "eTag": made["eTag"],
        "name": "Lakeside Practice",
        "npi": "1245319599",
        "tin": "123456789",
        "active": false,
        "address": {
            "addressLine1": "1 Main St", "city": "Boston", "state": "MA", "zip": "02139", "country": "USA"
        }
    });
    assert_eq!(made, expected);
    assert!(made["eTag"].is_string(), "{made}");
    assert_eq!(customer.call(Method::GET, &format!("{FACILITY}/{id}")).await.1, expected);
    let (_, list) = customer.call(Method::GET, FACILITY).await;
    assert_eq!(list, json!({"facilities": [expected], "meta": {"itemsOnPage": 1}}));
    // A job without a facility gets the only one of its customer.
    let (_, job) = customer.call(Method::POST, "/medical/v1/patient/bulk").await;
    assert_eq!(job["facilityId"], id);
}

#[tokio::test]
async fn a_bad_facility_is_refused_with_all_its_problems_and_none_of_its_content() {
    let customer = Customer::new();
    let mut bad = facility();
    bad["npi"] = "1245319598".into();
    bad["tin"] = "secret".into();
    bad["address"]["zip"] = "secret".into();
    bad["active"] = "secret".into();
    let (status, problem) = customer.post(FACILITY, &bad).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(
        problem["detail"],
        "npi: wrong check digit; tin: not 9 digits; active: not true or false; address.zip: not a zip code"
    );
    assert!(!problem.to_string().contains("secret"));
    let (_, list) = customer.call(Method::GET, FACILITY).await;
    assert_eq!(list, json!({"facilities": [], "meta": {"itemsOnPage": 0}}));
}

#[tokio::test]
async fn a_facility_is_in_use_unless_it_says_otherwise() {
    let customer = Customer::new();
    let mut bare = facility();
    bare.as_object_mut().unwrap().remove("active");
    bare.as_object_mut().unwrap().remove("tin");
    let (_, made) = customer.post(FACILITY, &bare).await;
    assert_eq!(made["active"], true);
    assert_eq!(made.get("tin"), None, "what is not known is left out");
}

#[tokio::test]
async fn a_cohort_is_read_back_as_it_was_made() {
    let customer = Customer::new();
    let cohort = json!({"name": "Diabetes", "description": "Type 2", "color": "blue"});
    let (status, made) = customer.post(COHORT, &cohort).await;
    assert_eq!(status, StatusCode::OK, "{made}");
    let id = made["id"].as_str().unwrap();
    let never = json!({"enabled": false, "frequency": "monthly"});
    let expected = json!({
        "id": id, "eTag": made["eTag"], "name": "Diabetes", "description": "Type 2", "color": "blue", "size": 0,
        "purposeOfUse": "treatment",
        "settings": {"monitoring": {
            "adt": {"enabled": false},
            "hie": never,
            "laboratory": {"notifications": false},
            "pharmacy": {"notifications": false, "schedule": never},
        }},
    });
    assert_eq!(made, expected);
    assert!(made["eTag"].is_string(), "{made}");
    assert_eq!(customer.call(Method::GET, &format!("{COHORT}/{id}")).await.1, expected);
    assert_eq!(
        customer.call(Method::GET, COHORT).await.1,
        json!({"cohorts": [expected], "meta": {"itemsOnPage": 1}})
    );
    let pages = customer.pages(&format!("{COHORT}/{id}/patient"), "patients").await;
    assert_eq!(pages, [Vec::<Value>::new()]);
    let (status, problem) = customer.post(COHORT, &json!({"name": " "})).await;
    assert_eq!((status, &problem["detail"]), (StatusCode::BAD_REQUEST, &"name: missing".into()));
}

#[tokio::test]
async fn what_is_in_use_or_has_changed_is_not_deleted() {
    let customer = Customer::new();
    for (path, object) in [(FACILITY, facility()), (COHORT, json!({"name": "Diabetes"}))] {
        let (_, made) = customer.post(path, &object).await;
        let path = format!("{path}/{}", made["id"].as_str().unwrap());
        let delete = async |tag: &str| {
            let request = customer.request(Method::DELETE, &path).header("If-Match", tag);
            request.send().await.unwrap().status()
        };
        assert_eq!(delete("\"another\"").await, StatusCode::PRECONDITION_FAILED, "{path}");
        if path.starts_with(FACILITY) {
            let (job, _) = customer.create_job("").await;
            assert_eq!(delete("*").await, StatusCode::CONFLICT, "an import waits for its file");
            let cancel = format!("/medical/v1/patient/bulk/{job}/cancel");
            assert_eq!(customer.call(Method::POST, &cancel).await.0, StatusCode::OK);
        }
        assert_eq!(delete(made["eTag"].as_str().unwrap()).await, StatusCode::NO_CONTENT, "{path}");
        assert_eq!(customer.call(Method::GET, &path).await.0, StatusCode::NOT_FOUND);
    }
}
