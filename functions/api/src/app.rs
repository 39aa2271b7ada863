//! What every route works with.

use aws::{Directory, Files, Jobs, Patients, System, WebhookClient, Webhooks};
use domain::webhook_url::UrlPolicy;

/// The ports of the API's operations.
#[derive(Clone, Debug)]
pub struct App {
    pub directory: Directory,
    pub jobs: Jobs,
    pub patients: Patients,
    pub files: Files,
    pub webhooks: Webhooks,
    pub http: WebhookClient,
    pub world: System,
    pub webhook_policy: UrlPolicy,
}
