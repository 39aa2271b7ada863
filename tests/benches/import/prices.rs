//! The prices of AWS: US dollars, us-east-1, list prices without free tiers, as of November 2026.
//!
//! From the pricing pages of DynamoDB (on-demand), S3 (Standard), SQS, Lambda (arm64) and
//! CloudWatch Logs.

/// A million write request units of DynamoDB: one for each KiB of an item that is written.
pub const WRITE: f64 = 0.625;
/// A million read request units: one for each strongly consistent read of 4 KiB.
pub const READ: f64 = 0.125;
/// A million requests of S3 that write or list.
pub const PUT: f64 = 5.0;
/// A million requests of S3 that read.
pub const GET: f64 = 0.4;
/// A million requests of SQS, each up to 64 KiB. A plain queue costs 0.40, a fair one, as all
/// queues here are, 0.50.
pub const QUEUE: f64 = 0.5;
/// A billion bytes of events in CloudWatch Logs.
pub const LOGGED: f64 = 0.5;
pub const INVOCATION: f64 = 0.2;
pub const GIGABYTE_SECOND: f64 = 0.000_013_333_4;
