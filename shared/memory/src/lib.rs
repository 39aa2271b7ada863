//! All ports in memory, with the promises of DynamoDB, S3 and SQS and with the faults that a test
//! injects.
//!
//! [`Cloud`] stands for all services of AWS, the environment and the customers' webhook servers.
//! Every call goes through one place (`call.rs`), where [`Faults`] may refuse it or lose its
//! answer, and where two things are recorded: the call itself ([`Cloud::calls`]), and what AWS
//! bills for it ([`Cloud::usage`]). The crate is for tests and benchmarks only, so nothing here is
//! deployed.
#![warn(missing_docs)]

mod audit_trail;
mod call;
mod cloud;
mod copies;
mod directory;
mod documents;
mod downloads;
mod external_ids;
mod faults;
mod gateway_limits;
mod given;
mod jobs;
mod lagging_index;
mod objects;
mod patients;
mod ports;
mod queue;
mod queues;
mod resource;
mod usage;
mod webhooks;

pub use call::{Call, LoggedCall};
pub use cloud::Cloud;
pub use faults::{Fault, Faults, NoFaults};
pub use jobs::Transition;
pub use queue::{Queue, Receipt, Received};
pub use queues::{QueueName, Queues};
pub use resource::Resource;
pub use usage::{Operation, Service, Usage, UsageOf};
