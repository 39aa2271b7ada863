//! The ports of the pipeline on DynamoDB, S3, SQS, CloudWatch Logs and HTTPS.
//!
//! Each type stands for one resource of template.yaml and implements the traits of what is stored
//! in it. [`AwsPorts`] bundles all ports of a function, which it makes from the function's
//! environment variables.
#![warn(missing_docs)]

mod audit_log;
mod connection;
mod deliveries;
mod directory;
mod documents;
mod downloads;
mod erasure;
mod error;
mod external_ids;
mod gateway_limits;
mod http_client;
mod item;
mod jobs;
mod objects;
mod patients;
mod ports;
mod queues;
mod system;
mod table;
mod timeouts;
mod variables;
mod webhook_client;

pub use aws_config::SdkConfig;

pub use audit_log::{AuditLog, StoredAuditEvent};
pub use connection::Connection;
pub use directory::{Customer, Directory, KeyTerms, StoredKey};
pub use erasure::{CustomerTables, LONGEST_RUN, Place};
pub use external_ids::ExternalIds;
pub use jobs::Jobs;
pub use objects::{Objects, Retention, StoredVersion};
pub use patients::Patients;
pub use ports::{AwsPorts, ResourceNames};
pub use queues::{Queue, QueueUrls, SqsQueues};
pub use system::System;
pub use timeouts::{ANSWER_WITHIN, Program, RECORD_WITHIN, Timeouts};
pub use variables::{ConfigError, optional, variable};
pub use webhook_client::{ClientError, LookUp, SystemLookUp, WebhookClient, webhook_policy};
