//! The connection of a program to AWS: region, credentials and the HTTP client.

use aws_config::{BehaviorVersion, ConfigLoader, SdkConfig};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use bulk_pipeline::ports::PortResult;

use crate::error::{failed, malformed};
use crate::http_client::http_client;
use crate::timeouts::Program;

/// A connection to AWS, which makes the clients of its services.
#[derive(Debug)]
pub struct Connection {
    sdk: SdkConfig,
}

impl Connection {
    /// Reads region, credentials and endpoint from where the AWS SDKs look for them. Calls have the
    /// timeouts of `program`.
    pub async fn open(program: Program) -> Self {
        Self::open_with(program, aws_config::defaults(BehaviorVersion::latest())).await
    }

    /// Does the same as [`Connection::open`], with the settings of `loader`.
    pub async fn open_with(program: Program, loader: ConfigLoader) -> Self {
        Self { sdk: program.timeouts().apply(loader.http_client(http_client()).load().await) }
    }

    /// Returns the configuration, from which clients of other services can be made.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// Returns a client of DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        aws_sdk_dynamodb::Client::new(&self.sdk)
    }

    /// Returns a client of SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        aws_sdk_sqs::Client::new(&self.sdk)
    }

    /// Returns the ARN of the identity that the credentials belong to, as STS names it.
    pub async fn caller_arn(&self) -> PortResult<String> {
        let identity = aws_sdk_sts::Client::new(&self.sdk).get_caller_identity().send().await;
        let arn = identity.map_err(failed("sts.GetCallerIdentity"))?.arn;
        arn.ok_or_else(|| malformed("sts.GetCallerIdentity", "ARN"))
    }

    /// Returns a client of CloudWatch Logs.
    pub fn logs(&self) -> aws_sdk_cloudwatchlogs::Client {
        aws_sdk_cloudwatchlogs::Client::new(&self.sdk)
    }

    /// Returns a client of S3.
    pub fn s3(&self) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            // A signed upload link must not demand a checksum header that plain `curl` does not
            // send.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // A stand-in for AWS on a loopback address has no host name for each bucket.
            .force_path_style(self.sdk.endpoint_url().is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }
}
