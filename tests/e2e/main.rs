//! End-to-end tests. They need a running local stack: `make test` starts one and sets `STACK` to
//! the file that describes it. Every test creates a customer of its own, so that no test sees
//! another's data.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::missing_panics_doc
)]

mod api_answers;
mod api_directory;
mod api_foreign_ids;
mod api_idempotency;
mod api_jobs;
mod api_pages;
mod api_patients;
mod api_uploads;
mod audit;
mod bad_ways_in;
mod browser;
mod cancel;
mod column_mappings;
mod command_line;
mod customer;
mod document_contents;
mod document_queries;
mod events;
mod faults;
mod held_patient;
mod import;
mod integrator_guide;
mod listen;
mod receiver;
mod sandbox;
mod sdk;
mod stack;
mod undo;
mod webhook_fairness;
mod webhook_settings;
mod webhooks;
