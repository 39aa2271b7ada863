//! All ports in memory: what DynamoDB, S3 and SQS promise, with the faults that a test injects.
//!
//! [`Cloud`] stands for all services of AWS, the environment and the customers' webhook servers. Every call goes through one
//! place (`call.rs`), where [`Faults`] may refuse it or lose its answer, and where it is recorded: the call itself
//! ([`Cloud::calls`]), and what AWS bills for it ([`Cloud::usage`]). For tests and benchmarks only: nothing here is deployed.
#![warn(missing_docs)]

mod call;
mod cloud;
mod directory;
mod documents;
mod faults;
mod gateway_limits;
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
