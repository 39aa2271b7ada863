//! Clients of the AWS SDK for one endpoint, set up as `bulk_aws::Environment` sets them up.

use std::time::Duration;

use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::Builder;

/// The address of a server that answers as AWS does, and how its clients call it.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub url: String,
    /// Attempts at one call, the first one included.
    pub attempts: u32,
    /// Time without a byte of the answer after which a client abandons a call.
    pub patience: Duration,
}

/// The settings that the clients of all services share.
macro_rules! config {
    ($endpoint:expr, $service:ident) => {
        $service::Config::builder()
            .behavior_version($service::config::BehaviorVersion::latest())
            .region($service::config::Region::new("us-east-1"))
            .credentials_provider($service::config::Credentials::new(
                "test", "test", None, None, "tests",
            ))
            .endpoint_url(&$endpoint.url)
            .retry_config(
                $service::config::retry::RetryConfig::standard()
                    .with_max_attempts($endpoint.attempts),
            )
            .timeout_config(
                $service::config::timeout::TimeoutConfig::builder()
                    .read_timeout($endpoint.patience)
                    .build(),
            )
            // The server speaks plain HTTP, so that the machine's certificates need not be read.
            .http_client(Builder::new().build_http())
    };
}

impl Endpoint {
    /// Returns the endpoint of a server that a test expects to work.
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

    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::from_conf(config!(self, aws_sdk_cloudwatchlogs).build())
    }

    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::from_conf(config!(self, aws_sdk_sqs).build())
    }
}

/// Returns the outcome of a call: nothing if it succeeded, and the error's code if it failed.
pub fn code<T, E: ProvideErrorMetadata, R>(
    result: Result<T, SdkError<E, R>>,
) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.code().unwrap_or("no code").to_owned())
}

/// Returns an HTTP client as a customer uses one.
pub fn http() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The server speaks plain HTTP, so that the machine's certificates need not be read.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}
