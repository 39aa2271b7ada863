//! API Gateway (REST) -> an axum router over the operations of `pipeline::api`.

mod app;
mod auth;
mod base_path;
mod deadline;
mod docs;
mod error;
mod fields;
mod headers;
mod json;
mod known;
mod openapi;
mod page;
mod query;
mod respond;
mod routes;
mod shapes;

use app::App;
use aws::{AwsPorts, Environment, Program};
use lambda_http::Error;
use respond::AllowedOrigin;
use tower::ServiceExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::Api).await;
    let app = App {
        ports: AwsPorts::of_api(&environment)?,
        webhook_client: aws::WebhookClient::new(aws::webhook_policy())?,
        webhook_policy: aws::webhook_policy(),
    };
    let router = routes::router(app, AllowedOrigin::from_environment());
    lambda_http::run(router.map_request(base_path::without_base_path)).await
}
