//! The `OpenAPI` 3.1 description: infra/openapi.json, which `make openapi` writes from the code.
//!
//! The function serves the file, because building the description took half of its cold start.

#[cfg(test)]
pub mod description;
#[cfg(test)]
pub mod examples;

/// The description. A test compares it with the code.
pub const DOCUMENT: &str = include_str!("../../../infra/openapi.json");
