//! The promises of the ports (`pipeline::ports`), each written once, and kept by whoever implements them.
//!
//! A promise is a function in `contract`, generic over the port traits. Each backend runs all of them that it
//! can: `memory`, which simulations and benchmarks run on; `dynoxide`, `aws` on a DynamoDB inside this process;
//! and `local_stack`, `aws` on the emulator that the local stack has. What no emulator does on demand, refuse
//! and throttle and answer in halves, `faults` does.
//!
//! `local_stack` needs a running stack: `make e2e` has one, everybody else says `--skip local_stack`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod backend;
mod contract;
mod dynoxide;
mod faults;
mod given;
mod local_stack;
mod memory;
mod services;
mod template;
