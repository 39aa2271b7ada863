//! The S3 objects of a job: its upload, plan, outcomes and results.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Range;
use std::time::Duration;

use bulk_domain::job::Upload;
use bulk_domain::outcome::RowOutcome;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::undo::UndonePatient;
use bulk_domain::upload_terms::UploadTerms;
use bytes::Bytes;
use futures::Stream;

use super::{JobRef, PortResult, Write};

/// The S3 objects of jobs.
pub trait ObjectStore: Send + Sync {
    /// The body of an upload, piece by piece as it is received.
    type Body: Stream<Item = PortResult<Bytes>> + Send + Unpin;
    /// A result file that is being written.
    type Writer: FileWriter;

    /// Reads a range of bytes of exactly this version of the job's upload.
    fn read_upload(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Range<u64>,
    ) -> impl Future<Output = PortResult<Self::Body>> + Send;
    /// Returns the first version that was uploaded for a job, if there is one.
    fn find_upload(&self, job: JobRef) -> impl Future<Output = PortResult<Option<Upload>>> + Send;
    /// Deletes exactly this version of a job's upload. Does nothing if it is gone.
    fn delete_upload(
        &self,
        job: JobRef,
        upload: &Upload,
    ) -> impl Future<Output = PortResult<()>> + Send;
    /// Stores the plan of a version of the upload: one line of JSON for each chunk.
    ///
    /// Condition: this version has no plan yet. The first plan counts.
    fn store_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        lines: Bytes,
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns a range of bytes of a plan, or the whole plan.
    fn read_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = PortResult<Bytes>> + Send;
    /// Stores the outcomes of a chunk.
    ///
    /// Condition: the chunk has no outcomes yet. The first outcomes count.
    fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns whether a chunk has outcomes.
    fn has_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<bool>> + Send;
    /// Returns the outcomes of a chunk in the order in which they were stored.
    fn read_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<Vec<RowOutcome>>> + Send;
    /// Stores what the undo of a chunk did with each patient.
    ///
    /// Condition: nothing is stored of the undo of this chunk. The first outcomes count.
    fn store_undo(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        patients: &[UndonePatient],
    ) -> impl Future<Output = PortResult<Write>> + Send;
    /// Returns what the undo of a chunk did with each patient.
    fn read_undo(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
    ) -> impl Future<Output = PortResult<Vec<UndonePatient>>> + Send;
    /// Starts a result file. It replaces the file of an earlier attempt when it is finished.
    fn write_results(
        &self,
        job: JobRef,
        file: ResultFile,
    ) -> impl Future<Output = PortResult<Self::Writer>> + Send;
    /// Returns a link that takes the job's file on these terms for the time `valid`. Calls no
    /// service.
    fn sign_upload(
        &self,
        job: JobRef,
        terms: &UploadTerms,
        valid: Duration,
    ) -> impl Future<Output = PortResult<UploadLink>> + Send;
    /// Returns a link that answers `GET` with a result file for the time `valid`. Calls no service.
    fn sign_download(
        &self,
        job: JobRef,
        file: ResultFile,
        valid: Duration,
    ) -> impl Future<Output = PortResult<String>> + Send;
}

/// A result file that is being written piece by piece. It can be read once it is finished, and not
/// before.
pub trait FileWriter: Send {
    /// Appends bytes to the end of the file.
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = PortResult<()>> + Send;
    /// Makes the file readable.
    fn finish(self) -> impl Future<Output = PortResult<()>> + Send;
}

/// One of the files that a finalized or an undone job has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResultFile {
    /// Every row with its outcome.
    Result,
    /// The failed rows only.
    Failures,
    /// The patients that the undo of the job keeps.
    Kept,
}

/// A link that takes a file, and the headers that it was signed for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UploadLink {
    /// The URL for the `PUT` request.
    pub url: String,
    /// Headers that the request has to have. Empty unless the terms name a size or a checksum.
    pub headers: BTreeMap<String, String>,
}
