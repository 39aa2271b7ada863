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

/// A backend that is put together from its parts.
#[derive(Clone, Debug)]
pub struct BackendOf<P, W> {
    /// The stores, the queues and the environment.
    pub ports: P,
    /// The client for webhook servers.
    pub webhook_server: W,
    /// Which webhook URLs a customer may set.
    pub webhook_policy: UrlPolicy,
}

impl<P: Ports + Clone + 'static, W: WebhookServer + Clone + 'static> Backend for BackendOf<P, W> {
    type Ports = P;
    type WebhookServer = W;

    fn ports(&self) -> &P {
        &self.ports
    }

    fn webhook_server(&self) -> &W {
        &self.webhook_server
    }

    fn webhook_policy(&self) -> UrlPolicy {
        self.webhook_policy
    }
}
