//! The promises of the ports (`bulk_pipeline::ports`), each written once and kept by every backend
//! that implements the ports.
//!
//! A promise is a function in `contract`, generic over the port traits. Each backend runs all
//! promises that it can: `memory`, which simulations and benchmarks use, and `aws` on four
//! emulators of AWS. They are as different from each other as possible, because none of them is
//! AWS: `dynoxide` inside this process, `moto`, `dynalite`, and `local_stack`. Where an emulator
//! differs from what AWS documents, its list of `differences` says so, and the promise stays the
//! same for all other backends. No emulator refuses, throttles or interrupts calls on demand, so
//! that `faults` does that with a server of its own.
//!
//! `moto` and `dynalite` need running emulators, which `make ports` starts, and `local_stack` a
//! running stack, which `make e2e` starts. `--skip` leaves out those that are not running.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

mod backend;
mod contract;
mod differences;
mod dynalite;
mod dynoxide;
mod emulator;
mod faults;
mod given;
mod local_stack;
mod memory;
mod moto;
mod services;
mod template;
