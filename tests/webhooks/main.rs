//! Delivery of webhooks over ports in memory, in virtual time: the whole schedule of retries, retries by hand,
//! and a load of fifty customers of which one hangs. Needs no stack.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod copies;
mod fairness;
mod order;
mod retry;
mod schedule;
mod settings;
mod world;
