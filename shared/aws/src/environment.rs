//! The configuration of a function: environment variables and the clients made from them.

use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_s3::config::{RequestChecksumCalculation, ResponseChecksumValidation};

use crate::http_client::http_client;
use crate::timeouts::Program;
use crate::{Chunks, Directory, Files, Finished, Jobs, Patients, Queries, Uploads, Webhooks};

/// A setting that is missing or wrong. Stops a function at its start.
#[derive(Debug, thiserror::Error)]
#[error("environment variable {0} is not set, or not to anything of use")]
pub struct ConfigError(&'static str);

/// Where a function finds its resources.
#[derive(Debug)]
pub struct Environment {
    sdk: SdkConfig,
    dynamodb: aws_sdk_dynamodb::Client,
}

/// Where AWS is, as far as it is not left to where the AWS SDKs look for it.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// The region.
    pub region: Option<String>,
    /// The profile of the AWS configuration with the credentials.
    pub profile: Option<String>,
    /// A stand-in for AWS. It is asked with credentials that are no secret, unless a profile is named.
    pub endpoint_url: Option<String>,
}

impl Environment {
    /// Reads region, credentials and endpoint from where the AWS SDKs look for them. The clients wait for as long
    /// as `program` can.
    pub async fn load(program: Program) -> Self {
        Self::load_at(program, Place::default()).await
    }

    /// The same, with what is known of the place.
    pub async fn load_at(program: Program, place: Place) -> Self {
        let mut loader = aws_config::defaults(BehaviorVersion::latest());
        if let Some(region) = place.region {
            loader = loader.region(Region::new(region));
        }
        if let Some(url) = place.endpoint_url {
            loader = loader.endpoint_url(url);
            if place.profile.is_none() {
                loader =
                    loader.credentials_provider(Credentials::new("test", "test", None, None, "stand-in"));
            }
        }
        if let Some(profile) = place.profile {
            loader = loader.profile_name(profile);
        }
        let sdk = program.timeouts().apply(loader.http_client(http_client()).load().await);
        let dynamodb = aws_sdk_dynamodb::Client::new(&sdk);
        Self { sdk, dynamodb }
    }

    /// What clients of other services are made from.
    pub fn sdk(&self) -> &SdkConfig {
        &self.sdk
    }

    /// The directory in the table of this name.
    pub fn directory_named(&self, table: String) -> Directory {
        Directory::new(self.dynamodb.clone(), table)
    }

    /// The directory, from `DIRECTORY_TABLE` and, where it is set, `CALLS_PER_MINUTE`.
    pub fn directory(&self) -> Result<Directory, ConfigError> {
        const CALLS: &str = "CALLS_PER_MINUTE";
        let directory = self.directory_named(variable("DIRECTORY_TABLE")?);
        match variable(CALLS) {
            Ok(calls) => Ok(directory.with_calls_per_minute(calls.parse().map_err(|_| ConfigError(CALLS))?)),
            Err(_) => Ok(directory),
        }
    }

    /// The jobs, from `JOBS_TABLE` and `RETENTION_DAYS`.
    pub fn jobs(&self) -> Result<Jobs, ConfigError> {
        const DAYS: &str = "RETENTION_DAYS";
        let days: u64 = variable(DAYS)?.parse().map_err(|_| ConfigError(DAYS))?;
        let retention = Duration::from_hours(days.saturating_mul(24));
        Ok(Jobs::new(self.dynamodb.clone(), variable("JOBS_TABLE")?, retention))
    }

    /// The patients, from `PATIENTS_TABLE`.
    pub fn patients(&self) -> Result<Patients, ConfigError> {
        Ok(Patients::new(self.dynamodb.clone(), variable("PATIENTS_TABLE")?))
    }

    /// The files, from `FILES_BUCKET`.
    pub fn files(&self) -> Result<Files, ConfigError> {
        let config = aws_sdk_s3::config::Builder::from(&self.sdk)
            // A signed upload link must not demand a checksum header that plain `curl` does not send.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            // A stand-in for AWS on a loopback address has no host name for each bucket.
            .force_path_style(self.sdk.endpoint_url().is_some())
            .build();
        Ok(Files::new(aws_sdk_s3::Client::from_conf(config), variable("FILES_BUCKET")?))
    }

    /// The queues of chunks, from `SMALL_JOB_CHUNKS_QUEUE`, `MEDIUM_JOB_CHUNKS_QUEUE` and `LARGE_JOB_CHUNKS_QUEUE`.
    pub fn chunks(&self) -> Result<Chunks, ConfigError> {
        Ok(Chunks::new(
            &aws_sdk_sqs::Client::new(&self.sdk),
            variable("SMALL_JOB_CHUNKS_QUEUE")?,
            variable("MEDIUM_JOB_CHUNKS_QUEUE")?,
            variable("LARGE_JOB_CHUNKS_QUEUE")?,
        ))
    }

    /// The queue of document queries, from `QUERIES_QUEUE`; none where it is not set, because there is no gateway.
    pub fn queries(&self) -> Option<Queries> {
        let url = variable("QUERIES_QUEUE").ok()?;
        Some(Queries::new(aws_sdk_sqs::Client::new(&self.sdk), url))
    }

    /// Rows that a file may have, from `ROW_LIMIT`.
    pub fn row_limit(&self) -> Result<u32, ConfigError> {
        const ROWS: &str = "ROW_LIMIT";
        variable(ROWS)?.parse().map_err(|_| ConfigError(ROWS))
    }

    /// How long the document queries of a job may take, from `QUERY_DEADLINE_MINUTES`.
    pub fn time_to_query(&self) -> Result<Duration, ConfigError> {
        const MINUTES: &str = "QUERY_DEADLINE_MINUTES";
        let minutes: f64 = variable(MINUTES)?.parse().map_err(|_| ConfigError(MINUTES))?;
        Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| ConfigError(MINUTES))
    }

    /// The queue of finished jobs, from `FINISHED_QUEUE`.
    pub fn finished(&self) -> Result<Finished, ConfigError> {
        Ok(Finished::new(aws_sdk_sqs::Client::new(&self.sdk), variable("FINISHED_QUEUE")?))
    }

    /// The queue of uploads whose event was lost, from `UPLOADS_QUEUE`.
    pub fn uploads(&self) -> Result<Uploads, ConfigError> {
        Ok(Uploads::new(aws_sdk_sqs::Client::new(&self.sdk), variable("UPLOADS_QUEUE")?))
    }

    /// The queue of webhooks, from `WEBHOOKS_QUEUE`.
    pub fn webhooks(&self) -> Result<Webhooks, ConfigError> {
        Ok(Webhooks::new(aws_sdk_sqs::Client::new(&self.sdk), variable("WEBHOOKS_QUEUE")?))
    }
}

fn variable(name: &'static str) -> Result<String, ConfigError> {
    std::env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError(name))
}
