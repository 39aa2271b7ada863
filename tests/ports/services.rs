//! Clients of the AWS SDK that talk to one endpoint, set up as `aws::Environment` sets them up.

use std::time::Duration;

use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;

/// Some server that speaks like AWS.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    /// Tries of one call.
    pub attempts: u32,
    /// Time without a byte after which a call is given up.
    pub patience: Duration,
}

/// The settings that the clients of all services have in common.
macro_rules! config {
    ($endpoint:expr, $service:ident) => {
        $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .region($service::config::Region::new("us-east-1"))
            .credentials_provider($service::config::Credentials::new("test", "test", None, None, "tests"))
            .endpoint_url(&$endpoint.url)
            .retry_config(
                $service::config::retry::RetryConfig::standard().with_max_attempts($endpoint.attempts),
            )
            .timeout_config(
                $service::config::timeout::TimeoutConfig::builder().read_timeout($endpoint.patience).build(),
            )
            // Plain HTTP: there is no need to read the machine's certificates.
            .http_client(Builder::new().build_http())
    };
}

impl Endpoint {
    /// A server that is expected to work.
    pub fn reliable(url: String) -> Self {
        Self { url, attempts: 3, patience: Duration::from_mins(1) }
    }

    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::from_conf(config!(self, aws_sdk_dynamodb).build())
    }

    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = config!(self, aws_sdk_s3)
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(true)
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(config!(self, aws_sdk_sqs).build())
    }
}

/// What became of a call: nothing but the code, if it failed.
pub fn code<T, E: ProvideErrorMetadata, R>(result: Result<T, SdkError<E, R>>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.code().unwrap_or("no code").to_owned())
}

/// An HTTP client as customers have one.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Plain HTTP: there is no need to read the machine's certificates.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
