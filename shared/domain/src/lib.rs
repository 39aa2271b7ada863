//! The pure rules of the bulk patient import.
//!
//! Nothing in here knows AWS, reads a clock, draws a random number or does I/O: time and ids come
//! in as arguments, bytes come in as slices. What a caller of the API is promised is decided here,
//! and can be tested here, in microseconds.
#![warn(missing_docs)]

pub mod ids;
pub mod time;
