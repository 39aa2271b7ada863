//! `bulk` as its users have it: what it prints, sends and answers to scripts. One binary for all of
//! them: linking is what takes time.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_collect,
    reason = "a test that fails says where"
)]

mod check;
mod config;
mod fake;
mod import;
mod jobs;
mod run;
mod spreadsheets;
mod trouble;
