//! The promises of the ports (`pipeline::ports`), each written once, and kept by whoever implements them.
//!
//! A promise is a function in `contract`, generic over the port traits. Each backend runs all of them that it
//! can: `memory`, which simulations and benchmarks run on, and `aws` on emulators of AWS that agree with each other
//! as little as possible, because none of them is AWS: `dynoxide` inside this process, `moto`, `dynalite`, and
//! `local_stack`. Where one of them differs from what AWS documents, it says so in its list of `differences`, and
//! the promise stays as it is for all others. What no emulator does on demand, refuse and throttle and answer in
//! halves, `faults` does.
//!
//! `moto` and `dynalite` need running emulators, which `make ports` starts, and `local_stack` a running stack, which
//! `make e2e` starts: `--skip` names those that are not there.
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
