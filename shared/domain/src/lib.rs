//! The pure rules of the bulk patient import.
//!
//! Nothing in here knows AWS, reads a clock, draws a random number or does I/O: time and ids come
//! in as arguments, bytes come in as slices. What a caller of the API is promised is decided here,
//! and can be tested here, in microseconds.
#![warn(missing_docs)]

pub mod api_key;
pub mod audit;
pub mod backoff;
pub mod circuit_breaker;
mod codes;
pub mod cohort;
pub mod column;
pub mod csv;
pub mod delivery;
pub mod document;
pub mod e_tag;
pub mod facility;
#[cfg(test)]
mod given;
pub mod hash_key;
mod hidden_debug;
mod hmac;
pub mod identity;
pub mod ids;
pub mod job;
pub mod job_size;
pub mod key_id;
pub mod key_rights;
pub mod label;
pub mod limits;
pub mod media_type;
pub mod mutants;
#[cfg(feature = "openapi")]
mod openapi;
pub mod outcome;
pub mod patient;
pub mod patient_filter;
pub mod person;
pub mod plan;
pub mod problem;
pub mod query;
pub mod rate_limit;
pub mod record;
pub mod roster;
pub mod row;
pub mod stored_json;
pub mod stored_size;
mod text;
pub mod time;
pub mod undo;
pub mod upload_terms;
pub mod warning;
pub mod webhook;
pub mod webhook_url;
