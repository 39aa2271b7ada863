//! Uploads, plans, outcomes and results: the objects of a job.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use domain::job::Upload;
use domain::outcome::RowOutcome;
use domain::plan::ChunkNumber;
use domain::upload_terms::UploadTerms;
use futures::Stream;

use super::{JobRef, PortResult, Write};

/// Reads an upload.
pub trait ReadUpload: Send + Sync {
    /// The bytes as they arrive.
    type Body: Stream<Item = PortResult<Bytes>> + Send + Unpin;
    /// Reads the bytes of `range` of exactly the version that the job is bound to.
    fn read_upload(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Range<u64>,
    ) -> impl Future<Output = PortResult<Self::Body>> + Send;
}

/// Finds an upload whose event did not come.
pub trait FindUpload: Send + Sync {
    /// The first version that was uploaded for the job, if any was.
    fn find_upload(&self, job: JobRef) -> impl Future<Output = PortResult<Option<Upload>>> + Send;
}

/// Stores a plan: a line of JSON for each chunk.
pub trait StorePlan: Send + Sync {
    /// Stores the plan of one version of the upload, unless that has one already: the first one counts.
    fn store_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        lines: Bytes,
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads a plan.
pub trait ReadPlan: Send + Sync {
    /// The bytes of the plan in `range`, or all of it.
    fn read_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = PortResult<Bytes>> + Send;
}

/// Stores the outcomes of a chunk.
pub trait StoreOutcomes: Send + Sync {
    /// Stores them, unless the chunk has outcomes already: the first ones count.
    fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> impl Future<Output = PortResult<Write>> + Send;
}

/// Reads the outcomes of a chunk.
pub trait ReadOutcomes: Send + Sync {
    /// The outcomes in the order in which they were stored.
    fn read_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<Vec<RowOutcome>>> + Send;
}

/// One of the two files that a job leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultFile {
    /// Every row with its outcome.
    Result,
    /// The failed rows only.
    Failures,
}

/// A file that is being written, piece by piece. It appears when it is finished, or not at all.
pub trait FileWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = PortResult<()>> + Send;
    /// Makes the file appear.
    fn finish(self) -> impl Future<Output = PortResult<()>> + Send;
}

/// Writes result files.
pub trait WriteResults: Send + Sync {
    /// A file being written.
    type Writer: FileWriter;
    /// Starts one; a file of an earlier try is replaced when it is finished.
    fn write_results(
        &self,
        job: JobRef,
        file: ResultFile,
    ) -> impl Future<Output = PortResult<Self::Writer>> + Send;
}

/// A link that takes a file, and the headers that it was signed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadLink {
    /// Where to `PUT` it.
    pub url: String,
    /// Headers that have to be sent as they are. None unless the terms say so.
    pub headers: BTreeMap<String, String>,
}

/// Signs links for uploads.
pub trait SignUpload: Send + Sync {
    /// A link that takes the job's file on these terms and is valid for `valid`.
    fn sign_upload(
        &self,
        job: JobRef,
        terms: &UploadTerms,
        valid: Duration,
    ) -> impl Future<Output = PortResult<UploadLink>> + Send;
}

/// Signs links for downloads.
pub trait SignDownload: Send + Sync {
    /// A link that answers `GET` with the file and is valid for `valid`.
    fn sign_download(
        &self,
        job: JobRef,
        file: ResultFile,
        valid: Duration,
    ) -> impl Future<Output = PortResult<String>> + Send;
}
