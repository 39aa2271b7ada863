//! What every route works with.

use aws::{Directory, Files, Finished, Jobs, Patients, Queries, System, WebhookClient, Webhooks};
use domain::webhook_url::UrlPolicy;

/// The ports of the API's operations.
#[derive(Clone, Debug)]
pub struct App {
    pub directory: Directory,
    pub jobs: Jobs,
    pub patients: Patients,
    pub files: Files,
    pub finished: Finished,
    /// None where there is no gateway.
    pub queries: Option<Queries>,
    pub webhooks: Webhooks,
    pub http: WebhookClient,
    pub world: System,
    pub webhook_policy: UrlPolicy,
}
