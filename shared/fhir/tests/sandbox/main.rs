//! The client against the sandbox FHIR server of the local stack: over real connections, with every
//! fault that the sandbox knows.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod auth;
mod contents;
mod faults;
mod queries;
mod server;
