//! The gateway's secret in AWS Secrets Manager.

use aws::SdkConfig;
use aws_sdk_secretsmanager::Client;
use fhir::{ReadSecret, Secret, SecretUnavailable};
use tracing::error;

/// Reads the secret whenever the gateway's client asks for it, which is once, and again when it is refused.
#[derive(Debug)]
pub struct GatewaySecret {
    client: Client,
    id: Option<String>,
}

impl GatewaySecret {
    /// The secret of this name or ARN.
    pub fn new(sdk: &SdkConfig, id: Option<String>) -> Self {
        Self { client: Client::new(sdk), id }
    }
}

impl ReadSecret for GatewaySecret {
    async fn read_secret(&self, _fresh: bool) -> Result<Secret, SecretUnavailable> {
        let id = self.id.as_deref().ok_or(SecretUnavailable)?;
        let answer = self.client.get_secret_value().secret_id(id).send().await.map_err(|error| {
            let code = error.as_service_error().and_then(|error| error.meta().code());
            error!(error.code = code, "The gateway's secret could not be read");
            SecretUnavailable
        })?;
        answer.secret_string().map(Secret::new).ok_or(SecretUnavailable)
    }
}
