//! A customer of the API, as an integrator would program it: plain HTTP, and no code of this
//! project.

use std::time::{Duration, Instant};

use reqwest::header::RETRY_AFTER;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::receiver::{Delivery, Receiver};
use crate::stack::STACK;

/// How long a job of a few rows may take, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How often a call is retried after the service answered that it was too busy.
const RETRIES: u32 = 3;

/// A customer with an API key, and the HTTP client that uses the key.
pub struct Customer {
    pub id: String,
    pub api_key: String,
    pub http: Client,
}

/// A result file, read with the csv crate.
#[derive(Debug)]
pub struct ResultTable {
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl ResultTable {
    pub fn column(&self, name: &str) -> Vec<&str> {
        let index = self.header.iter().position(|column| column == name).unwrap();
        self.rows.iter().map(|row| row[index].as_str()).collect()
    }
}

impl Customer {
    pub fn new() -> Self {
        let id = STACK.admin(&["customer", "create", "--name", "Test clinic"], "id");
        let api_key = STACK.admin(&["key", "create", "--customer", &id], "apiKey");
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { id, api_key, http: Client::new() }
    }

    pub fn with_facility() -> (Self, String) {
        let customer = Self::new();
        let facility = customer.add_facility();
        (customer, facility)
    }

    pub fn add_facility(&self) -> String {
        let facility =
            ["facility", "create", "--customer", &self.id, "--name", "Main", "--npi", "1234567893"];
        let address =
            ["--address-line1", "1 Main St", "--city", "Boston", "--state", "MA", "--zip", "02110"];
        STACK.admin(&[&facility[..], &address].concat(), "id")
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", STACK.api_url))
            .header("x-api-key", &self.api_key)
    }

    /// Sends a request and returns status and JSON body.
    pub async fn call(&self, method: Method, path: &str) -> (StatusCode, Value) {
        answer(self.request(method, path)).await
    }

    /// Posts JSON and returns status and JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        answer(self.request(Method::POST, path).json(body)).await
    }

    /// Fetches a list page by page, each by the link on the page before, as it is. Returns the
    /// items of each page.
    pub async fn pages(&self, path: &str, items: &str) -> Vec<Vec<Value>> {
        let url = format!("{}{path}", STACK.api_url);
        let pages = self.linked_pages(url, items, "nextPage").await;
        let found: Vec<Vec<Value>> =
            pages.iter().map(|page| page[items].as_array().unwrap().clone()).collect();
        // The way back leads to the same items, if the list did not change.
        if let [.., last] = &pages[..]
            && let Some(previous) = last["meta"].get("prevPage").and_then(Value::as_str)
        {
            let before = self.linked_pages(previous.to_owned(), items, "prevPage").await;
            let back = before.iter().rev().chain([last]);
            let back = back.flat_map(|page| page[items].as_array().unwrap());
            assert!(back.eq(found.iter().flatten()), "{path}: other items on the way back");
        }
        found
    }

    /// Returns the page at a URL, and those that the links of this name lead to.
    async fn linked_pages(&self, mut url: String, items: &str, link: &str) -> Vec<Value> {
        let mut pages: Vec<Value> = Vec::new();
        loop {
            let (status, page) =
                answer(self.http.get(&url).header("x-api-key", &self.api_key)).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            assert_eq!(page["meta"]["itemsOnPage"], page[items].as_array().unwrap().len());
            let next = page["meta"].get(link).map(|next| next.as_str().unwrap().to_owned());
            pages.push(page);
            match next {
                Some(next) => url = next,
                None => return pages,
            }
        }
    }

    /// Sets or clears the webhook URL and returns the answer.
    pub async fn set_webhook_url(&self, url: Option<&str>) -> (StatusCode, Value) {
        answer(self.request(Method::POST, "/settings").json(&json!({"webhookUrl": url}))).await
    }

    /// Registers a receiver and returns the key that its messages are signed with.
    pub async fn listen(&self) -> (Receiver, String) {
        let receiver = Receiver::start().await;
        let (status, settings) = self.set_webhook_url(Some(&receiver.url)).await;
        assert_eq!(status, StatusCode::OK, "{settings}");
        (receiver, settings["webhookKey"].as_str().unwrap().to_owned())
    }

    /// Creates a job and cancels it: the shortest way to a webhook, which says `failed`.
    pub async fn cause_a_webhook(&self) -> String {
        let (id, _) = self.create_job("").await;
        let (status, job) =
            self.call(Method::POST, &format!("/medical/v1/patient/bulk/{id}/cancel")).await;
        assert_eq!(status, StatusCode::OK, "{job}");
        id
    }

    /// Creates a job and returns its id and upload link.
    pub async fn create_job(&self, query: &str) -> (String, String) {
        let (status, job) =
            self.call(Method::POST, &format!("/medical/v1/patient/bulk{query}")).await;
        assert_eq!(status, StatusCode::OK, "{job}");
        let text = |name: &str| job[name].as_str().unwrap().to_owned();
        (text("requestId"), text("uploadUrl"))
    }

    /// Uploads a file as the documented `curl` does.
    pub async fn upload(&self, url: &str, file: impl Into<reqwest::Body>) {
        let put = self
            .http
            .put(url)
            .header("content-type", "text/csv")
            .header("x-api-key", &self.api_key);
        let answer = put.body(file).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    }

    /// Uploads a file without any header that HTTP does not need.
    pub async fn upload_bare(&self, url: &str, file: impl Into<reqwest::Body>) {
        let answer = self.http.put(url).body(file).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    }

    /// Creates a job, uploads the file and waits for the last webhook.
    pub async fn import(&self, receiver: &Receiver, query: &str, file: &str) -> (String, Delivery) {
        let (job, url) = self.create_job(query).await;
        self.upload(&url, file.to_owned()).await;
        (job, receiver.wait_for(&["completed", "failed"], PATIENCE).await)
    }

    /// Waits until a job has completed.
    pub async fn wait_until_completed(&self, job: &str) {
        let path = format!("/medical/v1/patient/bulk/{job}");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (_, job) = self.call(Method::GET, &path).await;
            if job["status"] == "completed" {
                return;
            }
            assert!(Instant::now() < deadline, "{job}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Downloads a CSV by its link, without any header of ours.
    pub async fn download(&self, link: &str) -> ResultTable {
        let answer = self.http.get(link).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let text = answer.text().await.unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let mut rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect());
        let header = rows.next().unwrap();
        ResultTable { header, rows: rows.collect() }
    }
}

/// Sends a request, retries it where the service asks for that, and returns status and JSON body.
pub async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let mut answer = request.try_clone().unwrap().send().await.unwrap();
    for _ in 0..RETRIES {
        let retry_after =
            answer.headers().get(RETRY_AFTER).filter(|_| answer.status().is_server_error());
        let Some(seconds) = retry_after else { break };
        tokio::time::sleep(Duration::from_secs(seconds.to_str().unwrap().parse().unwrap())).await;
        answer = request.try_clone().unwrap().send().await.unwrap();
    }
    let status = answer.status();
    let text = answer.text().await.unwrap();
    // 204 has no body.
    let json = if status == StatusCode::NO_CONTENT && text.is_empty() { "null" } else { &text };
    (status, serde_json::from_str(json).unwrap_or_else(|_| panic!("{status}, not JSON: {text}")))
}
