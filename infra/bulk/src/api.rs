//! A client of the service's HTTP API.

mod client;
mod directory;
mod error;
mod jobs;
mod list;
mod patients;
mod retry;
mod transfer;

pub use client::Client;
pub use error::ApiError;
pub use jobs::{Job, JobTerms, JobUndo};
pub use patients::Patient;
pub use retry::Pause;
pub use transfer::{DownloadError, UploadError, UploadSource};
