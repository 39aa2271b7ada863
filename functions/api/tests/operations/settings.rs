//! `POST /settings`: what each of its two fields changes, alone and together.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use bulk_api::{AllowedOrigin, BackendOf, RequestUrl, Settings, router};
use bulk_domain::ids::CustomerId;
use bulk_domain::webhook_url::UrlPolicy;
use bulk_memory::Cloud;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use uuid::Uuid;

const KEY: &str = "bpi_0000000000000000000000000000000000000000000000000000000000000000";
const URL: &str = "https://clinic.example.com/webhooks";

fn cloud() -> Cloud {
    let cloud = Cloud::calm();
    cloud.add_key(CustomerId::new(Uuid::from_u128(1)), KEY);
    cloud
}

/// Posts settings. Returns the status, the URL and whether webhooks about documents are sent.
async fn post(cloud: &Cloud, body: Value) -> (StatusCode, Value, Value) {
    let settings = Settings {
        allowed_origin: AllowedOrigin::default(),
        answer_within: Duration::from_secs(10),
        record_within: Duration::from_secs(5),
    };
    let (ports, webhook_server) = (cloud.clone(), cloud.clone());
    let backend = BackendOf { ports, webhook_server, webhook_policy: UrlPolicy::PublicOnly };
    let request = Request::post("/settings")
        .header("x-api-key", KEY)
        .header("content-type", "application/json")
        .extension(RequestUrl(None));
    let request = request.body(Body::from(body.to_string())).unwrap();
    let answer = router(backend, settings).oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    (status, body["webhookUrl"].take(), body["patientWebhooks"].take())
}

#[tokio::test]
async fn webhooks_about_documents_are_off_until_they_are_chosen() {
    let cloud = cloud();
    let off = (StatusCode::OK, json!(URL), json!(false));
    assert_eq!(post(&cloud, json!({"webhookUrl": URL})).await, off);
    let on = (StatusCode::OK, json!(URL), json!(true));
    assert_eq!(post(&cloud, json!({"patientWebhooks": true})).await, on, "the URL stays");
    assert_eq!(post(&cloud, json!({"webhookUrl": URL})).await, on, "the choice stays");
    assert_eq!(post(&cloud, json!({"patientWebhooks": false})).await, off);
}

#[tokio::test]
async fn both_fields_are_set_by_one_call() {
    let on = (StatusCode::OK, json!(URL), json!(true));
    assert_eq!(post(&cloud(), json!({"webhookUrl": URL, "patientWebhooks": true})).await, on);
}

#[tokio::test]
async fn the_url_is_cleared_by_null_or_nothing_also_beside_the_choice() {
    let cloud = cloud();
    for empty in [json!(null), json!("")] {
        post(&cloud, json!({"webhookUrl": URL, "patientWebhooks": true})).await;
        let body = json!({"webhookUrl": empty, "patientWebhooks": true});
        assert_eq!(post(&cloud, body).await, (StatusCode::OK, json!(null), json!(true)));
    }
}

#[tokio::test]
async fn a_choice_that_is_no_boolean_is_refused() {
    let (status, ..) = post(&cloud(), json!({"patientWebhooks": "yes"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_call_without_a_field_changes_nothing_and_null_clears_the_url() {
    let cloud = cloud();
    let on = post(&cloud, json!({"webhookUrl": URL, "patientWebhooks": true})).await;
    for body in [json!({}), json!({"patientWebhooks": null}), json!({"webhookUrls": null})] {
        assert_eq!(post(&cloud, body.clone()).await, on, "{body}");
    }
    let cleared = (StatusCode::OK, Value::Null, json!(true));
    assert_eq!(post(&cloud, json!({"webhookUrl": null})).await, cleared);
}

#[tokio::test]
async fn a_body_that_is_no_object_is_refused() {
    let cloud = cloud();
    for body in [json!([URL, true]), json!([null, null]), json!([]), json!("x"), json!(null)] {
        assert_eq!(post(&cloud, body.clone()).await.0, StatusCode::BAD_REQUEST, "{body}");
    }
}
