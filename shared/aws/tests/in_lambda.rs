//! What is different in Lambda. Each test runs itself again in a process that has the environment
//! of a function.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::Duration;

use aws_config::BehaviorVersion;
use bulk_aws::{Connection, Objects, Program};
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::ports::prelude::*;
use bulk_pipeline::ports::{JobRef, ResultFile, UploadLink};
use url::Url;

/// A variable that Lambda sets for every function, and no other test has.
const FUNCTION: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// Runs the test of this name in the environment of a function.
fn run_in_lambda(test: &str) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(FUNCTION, "import-Api-1")
        // Lambda sets this variable for each invocation.
        .env(
            "_X_AMZN_TRACE_ID",
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        )
        .output()
        .unwrap()
}

fn is_in_lambda() -> bool {
    std::env::var_os(FUNCTION).is_some()
}

async fn objects() -> Objects {
    let defaults = aws_config::defaults(BehaviorVersion::latest());
    let loader =
        defaults.region("us-east-1").endpoint_url("https://s3.example.com").test_credentials();
    let connection = Connection::open_with(Program::Api, loader).await;
    Objects::new(aws_sdk_s3::Client::new(connection.sdk()), "bucket".to_owned())
}

fn job() -> JobRef {
    let id = "018f3f5e-0000-7000-8000-000000000001";
    JobRef { customer: id.parse().unwrap(), job: id.parse().unwrap() }
}

async fn upload_link(terms: &UploadTerms) -> UploadLink {
    objects().await.sign_upload(job(), terms, Duration::from_mins(10)).await.unwrap()
}

/// Returns the headers that the signature of a link covers.
fn signed(url: &str) -> Vec<String> {
    let url = Url::parse(url).unwrap();
    let (_, names) = url.query_pairs().find(|(name, _)| name == "X-Amz-SignedHeaders").unwrap();
    names.split(';').map(str::to_owned).collect()
}

#[tokio::test]
async fn a_plain_upload_link_needs_no_header() {
    if !is_in_lambda() {
        let child = run_in_lambda("a_plain_upload_link_needs_no_header");
        assert!(child.status.success(), "{child:?}");
    }
    let link = upload_link(&UploadTerms::default()).await;
    assert_eq!(signed(&link.url), ["host"]);
    assert_eq!(link.headers, BTreeMap::new());
}

#[tokio::test]
async fn a_strict_upload_link_needs_the_headers_that_it_is_signed_for() {
    if !is_in_lambda() {
        let child = run_in_lambda("a_strict_upload_link_needs_the_headers_that_it_is_signed_for");
        assert!(child.status.success(), "{child:?}");
    }
    let sha256 = "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    for (bytes, sha256) in [(Some("5"), None), (None, Some(sha256)), (Some("5"), Some(sha256))] {
        let link = upload_link(&UploadTerms::parse(bytes, sha256).unwrap()).await;
        let mut expected = BTreeMap::from([("if-none-match", "*")]);
        expected.extend(bytes.map(|bytes| ("content-length", bytes)));
        expected.extend(sha256.map(|sha256| ("x-amz-checksum-sha256", sha256)));
        let sent: BTreeMap<_, _> =
            link.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(sent, expected);
        let mut names = signed(&link.url);
        names.retain(|name| name != "host");
        assert_eq!(names, expected.into_keys().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_download_link_needs_no_header() {
    if !is_in_lambda() {
        let child = run_in_lambda("a_download_link_needs_no_header");
        assert!(child.status.success(), "{child:?}");
    }
    let link = objects()
        .await
        .sign_download(job(), ResultFile::Result, Duration::from_mins(3))
        .await
        .unwrap();
    assert_eq!(signed(&link), ["host"]);
}
