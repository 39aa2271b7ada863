//! The use cases of the bulk patient import. Each function has a module of its name.
//!
//! Data flows one way: a function's `main` turns an event into a call of its use case, and the use
//! case calls the [`ports`] and the rules in `domain`. Nothing in this crate knows AWS.
//!
//! A use case is an `async fn` that takes the ports first: `finalize(ports, message)`. Settings and
//! caches, which live longer than a call, are arguments, too.
#![warn(missing_docs)]

pub mod abandon;
mod audit;
pub mod change_patient;
pub mod cohort_members;
mod complete_chunk;
pub mod conflicts;
pub mod copy_document;
pub mod correct_patient;
pub mod dead_letters;
pub mod delete_patient;
pub mod deliver_webhook;
mod directory_cache;
pub mod document_pages;
pub mod documents;
pub mod download_documents;
pub mod end_job;
pub mod error;
pub mod fan_out;
pub mod finalize;
pub mod find_patient;
pub mod idempotency;
pub mod import_rows;
mod job_ref;
pub mod messages;
pub mod opt_out;
mod outcomes;
pub mod ping;
mod plan_file;
pub mod ports;
pub mod query_documents;
mod query_parts;
mod read_runs;
pub mod retry;
pub mod roster_entries;
pub mod sweep;
pub mod undo_chunk;
pub mod undo_job;
mod upsert;
pub mod withdrawal;

pub use directory_cache::DirectoryCache;
pub use error::Error;
