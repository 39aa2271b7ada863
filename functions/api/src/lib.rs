//! The HTTP API: one file an operation in [`operations`], with its path, request, response, handler
//! and rule.
//!
//! An operation works with the ports of a [`Backend`]. The binary has those of AWS, tests have
//! those in memory.

mod audit;
mod audited;
mod backend;
mod caller;
mod cohort_settings;
mod deadline;
mod directory_entries;
mod error;
mod fields;
mod first_entries;
mod if_match;
mod matched_demographics;
mod new_address;
mod openapi;
pub mod operations;
mod page;
mod query_parameters;
mod request;
mod request_url;
mod response_headers;
mod roster_walk;
mod routes;

pub use audit::Origin;
pub use audited::{Audited, NamesObjects};
pub use backend::{Backend, BackendOf};
pub use error::{ApiError, FieldProblem};
pub use if_match::IfMatch;
pub use page::{Edge, Page, PageRequest};
pub use request_url::RequestUrl;
pub use response_headers::AllowedOrigin;
pub use routes::{Settings, router};
