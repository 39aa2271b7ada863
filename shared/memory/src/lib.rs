//! All ports in memory: what DynamoDB, S3 and SQS promise, and on demand what goes wrong with them.
//!
//! [`Cloud`] stands for everything outside a function. Whether a call is answered, refused or carried out
//! with its answer lost is decided by a [`Network`]; the time is what [`Cloud::set_time`] says. Every call is
//! counted as AWS would bill it ([`Usage`]). For tests and benchmarks only: nothing here is deployed.
#![warn(missing_docs)]

mod cloud;
mod directory;
mod documents;
mod files;
mod gateway_care;
mod jobs;
mod lagging_index;
mod network;
mod patients;
mod ports;
mod queue;
mod queues;
mod usage;
mod webhooks;

pub use cloud::Cloud;
pub use jobs::Transition;
pub use network::{Fate, Network, Reliable};
pub use queue::{Queue, Receipt, Received};
pub use queues::{QueueName, Queues};
pub use usage::{Operation, Service, Usage, UsageOf};
