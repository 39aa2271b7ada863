//! What all answers have in common: headers, limits, and the API's own description.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::browser::SITE;
use crate::customer::Customer;
use crate::stack::{STACK, project};

#[tokio::test]
async fn no_answer_is_cached_framed_or_open_to_another_site() {
    let customer = Customer::new();
    for path in
        ["/health", "/docs", "/openapi.json", "/settings", "/medical/v1/patient/no-id", "/nothing"]
    {
        let request =
            customer.request(Method::GET, path).header("origin", "https://elsewhere.example");
        let answer = request.send().await.unwrap();
        let header =
            |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("cache-control").as_deref(), Some("no-store"), "{path}");
        assert_eq!(header("x-content-type-options").as_deref(), Some("nosniff"), "{path}");
        assert!(header("strict-transport-security").is_some(), "{path}");
        let policy = header("content-security-policy").unwrap();
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(header("access-control-allow-origin").as_deref(), Some(SITE), "{path}");
    }
}

#[tokio::test]
async fn the_description_and_its_page_need_no_key() {
    let _ = Customer::new();
    let get = async |path: &str| {
        let answer = Client::new().get(format!("{}{path}", STACK.api_url)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (kind, answer.text().await.unwrap())
    };
    let (kind, document) = get("/openapi.json").await;
    assert_eq!(kind, "application/json");
    assert_eq!(document, std::fs::read_to_string(project().join("infra/openapi.json")).unwrap());
    assert_eq!(serde_json::from_str::<Value>(&document).unwrap()["openapi"], "3.1.0");
    let (kind, page) = get("/docs").await;
    assert_eq!(kind, "text/html; charset=utf-8");
    for file in page.split('"').filter(|part| part.starts_with("docs/")) {
        let (kind, _) = get(&format!("/{file}")).await;
        assert!(
            kind.starts_with("text/javascript") || kind.starts_with("text/css"),
            "{file}: {kind}"
        );
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let customer = Customer::new();
    let (status, problem) = customer
        .post("/medical/v1/cohort", &json!({"name": "x", "more": "x".repeat(64 * 1024)}))
        .await;
    assert_eq!(
        (status, &problem["name"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &"PAYLOAD_TOO_LARGE".into())
    );
    assert_eq!(problem["status"], 413);
}

#[tokio::test]
async fn a_key_above_its_rate_limit_is_refused_with_the_pause() {
    let customer = Customer::new();
    let arguments = ["key", "create", "--customer", &customer.id, "--calls-per-minute", "3"];
    let limited = Customer { api_key: STACK.admin(&arguments, "apiKey"), ..customer };
    let mut answered = 0;
    // Three calls, and three more if a new minute begins in between.
    let refused = loop {
        let answer = limited.request(Method::GET, "/settings").send().await.unwrap();
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        assert_eq!(answer.status(), StatusCode::OK);
        answered += 1;
        assert!(answered <= 6, "the calls are not counted");
    };
    assert!(answered >= 3);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
    let problem: Value = refused.json().await.unwrap();
    assert_eq!((&problem["status"], &problem["name"]), (&429.into(), &"TOO_MANY_REQUESTS".into()));
}
