//! The function behind API Gateway (REST): the operations of `api` on the ports of AWS.

mod gateway;

use bulk_api::{AllowedOrigin, BackendOf, Settings, router};
use bulk_aws::{ANSWER_WITHIN, AwsPorts, Connection, Program, RECORD_WITHIN, WebhookClient};
use lambda_http::Error;
use tower::ServiceExt as _;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    // `ApiFailsAlarm` subtracts this metric, so that it has to be there before the first of them.
    info!(metric.DocumentsNotAnswered = 0, "API started");
    let connection = Connection::open(Program::Api).await;
    let backend = BackendOf {
        ports: AwsPorts::of(Program::Api, &connection)?,
        webhook_server: WebhookClient::new(bulk_aws::webhook_policy())?,
        webhook_policy: bulk_aws::webhook_policy(),
    };
    let origin = std::env::var("CORS_ORIGIN").unwrap_or_default();
    let settings = Settings {
        allowed_origin: AllowedOrigin::parse(&origin),
        answer_within: ANSWER_WITHIN,
        record_within: RECORD_WITHIN,
    };
    lambda_http::run(router(backend, settings).map_request(gateway::received)).await
}
