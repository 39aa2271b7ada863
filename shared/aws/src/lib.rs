//! The ports of the pipeline on DynamoDB, S3, SQS and HTTPS.
//!
//! Each type implements the ports of one resource; a function builds the ones that its use case needs
//! from its environment ([`Environment`]).
#![warn(missing_docs)]

mod admission;
mod batch;
mod chunk_queries;
mod deliveries;
mod directory;
mod document;
mod documents;
mod environment;
mod error;
mod event;
pub mod events;
mod files;
mod gateway_care;
mod http_client;
mod idempotency;
mod item;
mod jobs;
pub mod logging;
mod open_jobs;
mod patients;
mod ports;
mod queues;
mod result_writer;
mod rosters;
mod settings;
mod system;
mod timeouts;
mod webhook_client;

pub use aws_config::SdkConfig;

pub use directory::{ApiKey, Customer, Directory, StoredKey};
pub use environment::{ConfigError, Environment, Place};
pub use event::Event;
pub use files::Files;
pub use jobs::Jobs;
pub use patients::Patients;
pub use ports::{AwsPorts, SqsQueues};
pub use queues::{Chunks, Finished, MessagePutBack, MessageWait, Queries, Unhurried, Uploads, Webhooks};
pub use system::System;
pub use timeouts::{ANSWER_WITHIN, Program, Timeouts};
pub use webhook_client::{ClientError, LookUp, SystemLookUp, WebhookClient, webhook_policy};
