//! The gateway's secret in AWS Secrets Manager.

use aws_sdk_secretsmanager::Client;
use bulk_aws::SdkConfig;
use bulk_fhir::{ReadSecret, SecretUnavailable};
use secrecy::SecretString;
use tracing::error;

/// The secret of `GatewaySecretArn`. It is fetched at every call, so that a replaced secret is
/// found.
#[derive(Debug)]
pub struct GatewaySecret {
    client: Client,
    id: Option<String>,
}

impl GatewaySecret {
    /// Creates a reader of the secret with this name or ARN. `None` if the gateway wants no
    /// authentication.
    pub fn new(sdk: &SdkConfig, id: Option<String>) -> Self {
        Self { client: Client::new(sdk), id }
    }
}

impl ReadSecret for GatewaySecret {
    async fn read_secret(&self) -> Result<SecretString, SecretUnavailable> {
        let id = self.id.as_deref().ok_or(SecretUnavailable)?;
        let answer =
            self.client.get_secret_value().secret_id(id).send().await.map_err(|error| {
                let code = error.as_service_error().and_then(|error| error.meta().code());
                error!(error.code = code, "Secret of the gateway could not be read");
                SecretUnavailable
            })?;
        answer.secret_string().map(SecretString::from).ok_or(SecretUnavailable)
    }
}
