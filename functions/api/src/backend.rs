//! What the operations work with.

use bulk_domain::webhook_url::UrlPolicy;
use bulk_pipeline::ports::{Ports, WebhookServer};

/// The ports of the operations, and the client that sends a ping to a customer's webhook server.
pub trait Backend: Clone + Send + Sync + 'static {
    /// The stores, the queues and the environment.
    type Ports: Ports;
    /// The client for webhook servers.
    type WebhookServer: WebhookServer;

    /// Returns the stores, the queues and the environment.
    fn ports(&self) -> &Self::Ports;
    /// Returns the client for webhook servers.
    fn webhook_server(&self) -> &Self::WebhookServer;
    /// Returns which webhook URLs a customer may set.
    fn webhook_policy(&self) -> UrlPolicy;
}
