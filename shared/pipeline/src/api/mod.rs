//! What the HTTP API does, one file for each operation; `functions/api` maps it to routes and JSON.

pub mod cancel_job;
pub mod create_job;
pub mod error;
pub mod facilities;
pub mod find_patient;
pub mod get_cohort;
pub mod get_document_query;
pub mod get_job;
pub mod list_documents;
pub mod list_jobs;
pub mod list_patients;
pub mod match_patient;
pub mod page;
pub mod retry_webhooks;
pub mod settings;
pub mod start_document_query;
pub mod webhook_status;

pub use error::{ApiError, FieldProblem};
