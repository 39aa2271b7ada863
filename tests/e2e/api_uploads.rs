//! Strict uploads: links that take only the file with a given size and checksum.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::customer::{Customer, answer};

const BULK: &str = "/medical/v1/patient/bulk";
const FILE: &str = "firstName\nAda\n";

async fn create(customer: &Customer, headers: &[(&str, &str)]) -> (StatusCode, Value) {
    let request = customer.request(Method::POST, BULK);
    answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)))
        .await
}

async fn put(customer: &Customer, job: &Value, file: &str) -> StatusCode {
    let mut request = customer.http.put(job["uploadUrl"].as_str().unwrap());
    for (name, value) in job["uploadHeaders"].as_object().unwrap() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap());
        }
    }
    request.body(file.to_owned()).send().await.unwrap().status()
}

#[tokio::test]
async fn a_strict_link_takes_the_file_that_it_was_made_for_once() {
    let (customer, _) = Customer::with_facility();
    let sha256 = STANDARD.encode(Sha256::digest(FILE));
    let length = FILE.len().to_string();
    let terms = [
        ("x-upload-content-length", length.as_str()),
        ("x-upload-checksum-sha256", sha256.as_str()),
    ];
    let (status, job) = create(&customer, &terms).await;
    assert_eq!(status, StatusCode::OK, "{job}");
    let headers = &job["uploadHeaders"];
    assert_eq!(headers["content-length"], length);
    assert_eq!(headers["if-none-match"], "*");
    assert_eq!(headers["x-amz-checksum-sha256"], sha256);
    let url = job["uploadUrl"].as_str().unwrap().to_lowercase();
    for name in ["content-length", "if-none-match", "x-amz-checksum-sha256"] {
        assert!(url.contains(name), "{name} is signed");
    }
    let other = FILE.replace("Ada", "Eva");
    assert!(put(&customer, &job, &other).await.is_client_error(), "another file of the same size");
    assert_eq!(put(&customer, &job, FILE).await, StatusCode::OK);
    assert_eq!(
        put(&customer, &job, FILE).await,
        StatusCode::PRECONDITION_FAILED,
        "a second upload"
    );
}

#[tokio::test]
async fn without_terms_nothing_is_signed_that_a_client_would_have_to_send() {
    let (customer, _) = Customer::with_facility();
    let (_, job) = create(&customer, &[]).await;
    assert_eq!(job.get("uploadHeaders"), None);
    assert!(job["uploadUrl"].as_str().unwrap().contains("X-Amz-SignedHeaders=host&"));
}

#[tokio::test]
async fn terms_that_cannot_be_are_refused() {
    const BYTES: &str =
        "x-upload-content-length must be a number of bytes from 1 to 1073741824 (1 GiB)";
    const SHA256: &str = "x-upload-checksum-sha256 must be the SHA-256 of the file in base64";
    let (customer, _) = Customer::with_facility();
    for (header, value, detail) in [
        ("x-upload-content-length", "1073741825", BYTES),
        ("x-upload-content-length", "0", BYTES),
        ("x-upload-content-length", "ten", BYTES),
        ("x-upload-checksum-sha256", "abc=", SHA256),
    ] {
        let (status, problem) = create(&customer, &[(header, value)]).await;
        assert_eq!(
            (status, &problem["detail"]),
            (StatusCode::BAD_REQUEST, &detail.into()),
            "{value}"
        );
    }
}
