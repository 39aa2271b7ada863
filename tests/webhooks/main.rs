//! Delivers webhooks over ports in memory, in virtual time: the whole schedule of retries, retries
//! by hand, and a load of fifty customers, one of which has a server that hangs. These tests need
//! no stack.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copies;
mod documents;
mod fairness;
mod links;
mod order;
mod ping;
mod retry;
mod schedule;
mod settings;
mod setup;
