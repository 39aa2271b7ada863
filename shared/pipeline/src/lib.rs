//! The use cases of the bulk patient import: one module for each function, named alike.
//!
//! Data flows one way: a function's `main` turns an event into a call of its use case, the use case
//! asks the [`ports`] for what it needs and `domain` for what is right. Nothing in here knows AWS.
#![warn(missing_docs)]

pub mod abandon;
mod chunk_queries;
mod close_chunk;
pub mod dead_letters;
pub mod deliver_webhook;
mod directory_cache;
pub mod end_job;
pub mod error;
pub mod fan_out;
pub mod finalize;
pub mod idempotency;
pub mod import_rows;
pub mod messages;
mod outcomes;
mod plan_file;
pub mod ports;
pub mod query_documents;
mod read_runs;
pub mod redelivery;
pub mod sweep;
mod upsert;

pub use directory_cache::DirectoryCache;
pub use error::Error;
