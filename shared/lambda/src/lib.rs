//! The parts of AWS Lambda that all functions have in common.
//!
//! A function that is invoked for SQS messages calls [`run_messages`] with the closure that handles
//! one message. Every function reads its event as an [`Event`], and starts its log with
//! [`logging::init`].
#![warn(missing_docs)]

mod event;
pub mod logging;
mod messages;
mod metrics;
mod source;

pub use event::Event;
pub use messages::{Handled, handle_messages, run_messages};
pub use source::{DeadLetterQueues, MessageSource};
