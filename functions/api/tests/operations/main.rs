//! The rules of the operations, tested on the ports in memory.
#![allow(clippy::unwrap_used)]

mod bulk_download;
mod cohort_members;
mod columns;
mod delete_patient;
mod download_url;
mod filters;
mod idempotency;
mod imports;
mod late_rows;
mod names;
mod pages;
mod settings;
mod start_document_query;
mod undo_job;
mod waiting_jobs;
mod withdrawal;
