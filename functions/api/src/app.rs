//! What every route works with.

use aws::{AwsPorts, WebhookClient};
use domain::webhook_url::UrlPolicy;

/// The ports of the API's operations, and how webhooks are pinged.
#[derive(Clone, Debug)]
pub struct App {
    pub ports: AwsPorts,
    pub webhook_client: WebhookClient,
    pub webhook_policy: UrlPolicy,
}
