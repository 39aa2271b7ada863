//! The function behind API Gateway (REST): the operations of `api` on the ports of AWS.

mod gateway;

use bulk_api::{AllowedOrigin, Backend, Settings, router};
use bulk_aws::{ANSWER_WITHIN, AwsPorts, Connection, Program, RECORD_WITHIN, WebhookClient};
use bulk_domain::webhook_url::UrlPolicy;
use lambda_http::Error;
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let connection = Connection::open(Program::Api).await;
    let backend = AwsBackend {
        ports: AwsPorts::of(Program::Api, &connection)?,
        webhook_client: WebhookClient::new(bulk_aws::webhook_policy())?,
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

#[derive(Clone, Debug)]
struct AwsBackend {
    ports: AwsPorts,
    webhook_client: WebhookClient,
    webhook_policy: UrlPolicy,
}

impl Backend for AwsBackend {
    type Ports = AwsPorts;
    type WebhookServer = WebhookClient;

    fn ports(&self) -> &AwsPorts {
        &self.ports
    }

    fn webhook_server(&self) -> &WebhookClient {
        &self.webhook_client
    }

    fn webhook_policy(&self) -> UrlPolicy {
        self.webhook_policy
    }
}
