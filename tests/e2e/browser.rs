//! The site in `CorsOrigin`: the preflight requests that a browser sends, and a page of the site
//! that imports a file in a real browser. `make e2e` deploys the stack with this site.

mod api_reference;

use std::path::Path;
use std::process::{Child, Command, Stdio};

use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::customer::{Customer, PATIENCE};
use crate::stack::STACK;

/// The site that the stack is deployed for. Its name is reserved for tests (RFC 6761, section 6.2).
pub const SITE: &str = "http://clinic.test";

/// A site that may not use the API from a page.
const ELSEWHERE: &str = "http://elsewhere.test";

const FILE: &str = "firstName,lastName,dob,gender,addressLine1,city,state,zip\n\
    Ottoline,Browser,1961-12-01,F,1 Main St,Boston,MA,02110\n";

/// Sends the preflight request that a browser sends before any request that is no plain form.
async fn preflight(url: &str, origin: &str, method: &str, headers: &str) -> Response {
    let request = Client::new().request(Method::OPTIONS, url).header("origin", origin);
    let request = request.header("access-control-request-method", method);
    request.header("access-control-request-headers", headers).send().await.unwrap()
}

fn header<'a>(answer: &'a Response, name: &str) -> &'a str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_api_lets_pages_of_the_site_send_what_its_calls_need() {
    let _ = Customer::new();
    let url = format!("{}/medical/v1/patient/bulk", STACK.api_url);
    let answer =
        preflight(&url, SITE, "POST", "idempotency-key,x-api-key,x-upload-checksum-sha256").await;
    assert!(answer.status().is_success(), "{answer:?}");
    assert_eq!(header(&answer, "access-control-allow-origin"), SITE);
    assert!(
        header(&answer, "access-control-allow-methods").split(',').any(|method| method == "POST")
    );
    for name in ["content-type", "idempotency-key", "x-api-key", "x-upload-checksum-sha256"] {
        assert!(
            header(&answer, "access-control-allow-headers").split(',').any(|one| one == name),
            "{name}"
        );
    }
    // The answer names the same site to every origin. The browser compares it with the site of the
    // page.
    let answer = preflight(&url, ELSEWHERE, "POST", "x-api-key").await;
    assert_eq!(header(&answer, "access-control-allow-origin"), SITE);
}

#[tokio::test]
async fn the_bucket_lets_pages_of_the_site_and_no_other_upload_and_download_by_links() {
    let (customer, _) = Customer::with_facility();
    let (_, link) = customer.create_job("").await;
    let sent = "content-type,if-none-match,x-amz-checksum-sha256,x-api-key";
    let answer = preflight(&link, SITE, "PUT", sent).await;
    assert_eq!(answer.status(), StatusCode::OK, "{answer:?}");
    assert_eq!(header(&answer, "access-control-allow-origin"), SITE);
    assert!(header(&answer, "access-control-allow-methods").contains("PUT"));
    assert_eq!(header(&answer, "access-control-allow-headers").replace(' ', ""), sent);
    assert!(header(&answer, "vary").to_lowercase().contains("origin"));
    assert_eq!(preflight(&link, SITE, "GET", "range").await.status(), StatusCode::OK);
    for (origin, method) in
        [(ELSEWHERE, "PUT"), (ELSEWHERE, "GET"), (SITE, "DELETE"), (SITE, "POST")]
    {
        let answer = preflight(&link, origin, method, "content-type").await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{method} from {origin}");
        assert_eq!(header(&answer, "access-control-allow-origin"), "");
    }
}

#[tokio::test]
#[ignore = "needs Chromium: make browser"]
async fn a_page_of_the_site_imports_a_file_and_reads_its_result() {
    let (customer, _) = Customer::with_facility();
    let outcomes = open_page(SITE, &customer).await;
    let imported = &outcomes["imported"];
    assert_eq!(imported["upload"], 200, "{outcomes}");
    assert_eq!(imported["status"], "completed");
    let result = imported["result"].as_str().unwrap();
    assert!(result.starts_with("firstName,") && result.contains(",succeeded,"), "{result}");
    assert!(imported["etag"].as_str().is_some_and(|etag| !etag.is_empty()), "{imported}");
    assert!(imported["disposition"].as_str().is_some_and(|kind| kind.starts_with("attachment")));
    assert_eq!(imported["missing"], "NOT_FOUND", "what is refused can be read, too");
    assert!(imported["requestId"].is_string(), "{imported}");
    assert_eq!(outcomes["uploaded"], 200);
    // The job of the page is a job like any other.
    let id = imported["job"].as_str().unwrap();
    let (_, job) = customer.call(Method::GET, &format!("/medical/v1/patient/bulk/{id}")).await;
    assert_eq!((&job["status"], &job["successful"]), (&json!("completed"), &json!(1)), "{job}");
}

#[tokio::test]
#[ignore = "needs Chromium: make browser"]
async fn a_page_of_another_site_reads_nothing_and_uploads_nothing() {
    let (customer, _) = Customer::with_facility();
    let outcomes = open_page(ELSEWHERE, &customer).await;
    assert_eq!(outcomes, json!({"imported": "TypeError", "uploaded": "TypeError"}));
    let (_, jobs) = customer.call(Method::GET, "/medical/v1/patient/bulk").await;
    let statuses =
        jobs["requests"].as_array().unwrap().iter().map(|job| job["status"].as_str().unwrap());
    assert_eq!(statuses.collect::<Vec<_>>(), ["waiting"], "the one that the test made: {jobs}");
}

/// Opens the page in Chromium under the name of a site, and returns what the page reports.
async fn open_page(site: &str, customer: &Customer) -> Value {
    let (_, link) = customer.create_job("").await;
    let task = json!({
        "api": STACK.api_url, "key": customer.api_key, "file": FILE, "link": link,
        "terms": {
            "x-upload-content-length": FILE.len().to_string(),
            "x-upload-checksum-sha256": STANDARD.encode(Sha256::digest(FILE)),
        },
    });
    let (tell, mut outcomes) = mpsc::channel(1);
    let router = Router::new()
        .route("/", get(async || Html(include_str!("browser/page.html"))))
        .route("/task", get(async || Json(task)))
        .route(
            "/outcomes",
            post(|outcomes: String| async move { tell.send(outcomes).await.unwrap() }),
        );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let _browser = Browser::open(site, port);
    let outcomes = tokio::time::timeout(PATIENCE, outcomes.recv()).await;
    let outcomes = outcomes.expect("the page reported no outcome").unwrap();
    serde_json::from_str(&outcomes).unwrap()
}

/// Returns the command of Chromium with a profile of its own.
fn chromium(profile: &Path) -> Command {
    let program =
        std::env::var("CHROMIUM").expect("CHROMIUM names the browser: use `make browser`");
    let mut command = Command::new(program);
    command
        // Without its sandbox, because that needs rights which a container does not have.
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--no-proxy-server",
        ])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", profile.display()));
    command
}

/// Chromium with an empty profile. The browser ends when this value is dropped.
struct Browser {
    process: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Opens a site. Each name leads to a port of this machine.
    fn open(site: &str, port: u16) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let process = chromium(profile.path())
            .arg(format!("--host-resolver-rules=MAP *.test 127.0.0.1:{port}"))
            .arg("--remote-debugging-port=0")
            .arg(site)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        Self { process, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
