//! The bucket: versioned uploads, and objects that are written once or replaced as a whole.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use bulk_domain::ids::{CustomerId, JobId};
use bulk_domain::job::Upload;
use bulk_domain::mutants::{Bug, has};
use bulk_domain::outcome::RowOutcome;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::undo::UndonePatient;
use bulk_domain::upload_terms::UploadTerms;
use bulk_pipeline::ports::{
    CopyRef, FileWriter, JobRef, ObjectStore, PortResult, ResultFile, UploadLink, Write,
};
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};

use crate::call::{Billed, permanent};
use crate::cloud::State;
use crate::{Cloud, Operation, Resource};

#[derive(Default, Debug)]
pub(crate) struct ObjectsState {
    uploads: BTreeMap<(CustomerId, JobId), Vec<(Upload, Bytes)>>,
    pub(crate) objects: BTreeMap<String, Bytes>,
    /// The versions of each copy, the newest last. `None` is a delete marker.
    pub(crate) copies: BTreeMap<CopyRef, Vec<Option<StoredCopy>>>,
}

/// A copy with its media type.
#[derive(Clone, Debug)]
pub(crate) struct StoredCopy {
    pub media_type: String,
    pub bytes: Bytes,
}

/// What is stored once a file is finished.
#[derive(Debug)]
pub(crate) enum Target {
    /// An object under this key.
    Object(String),
    /// A version of a copy, with this media type.
    Copy(CopyRef, String),
}

/// Bytes of an upload's part, which is sent once it has them. AWS allows no smaller part but the
/// last.
const PART: usize = 5 * 1024 * 1024;

impl Cloud {
    /// Stores what a client's `PUT` to an upload link stores, and returns the version that S3's
    /// event will name.
    pub fn upload(&self, job: JobRef, bytes: impl Into<Bytes>) -> Upload {
        let bytes = bytes.into();
        let mut state = self.state();
        let (version, etag) = (state.random(), state.random());
        let upload = Upload {
            version: format!("{version:x}"),
            etag: format!("\"{etag:x}\""),
            bytes: bytes.len() as u64,
        };
        state
            .objects
            .uploads
            .entry((job.customer, job.job))
            .or_default()
            .push((upload.clone(), bytes));
        upload
    }

    /// Returns a result file, if it was finished.
    pub fn result(&self, job: JobRef, file: ResultFile) -> Option<Bytes> {
        self.state().objects.objects.get(&result_key(job, file)).cloned()
    }

    /// Stores an object unless there is one under the key, so that every retry reads the object of
    /// the first attempt.
    async fn put_first(&self, folder: Resource, key: String, bytes: Bytes) -> PortResult<Write> {
        self.call(Operation::PutObject, folder, |state| {
            if state.objects.objects.contains_key(&key) && !has(Bug::LastOutcomesCount) {
                return Billed::request(Write::Conflict);
            }
            let length = bytes.len();
            state.objects.objects.insert(key, bytes);
            Billed::request(Write::Done).with_bytes(length)
        })
        .await
    }

    async fn get(&self, folder: Resource, key: String, range: Range<u64>) -> PortResult<Bytes> {
        self.call(Operation::GetObject, folder, |state| match state.objects.objects.get(&key) {
            Some(bytes) => read(bytes, &range),
            None => Billed::failed(permanent(Operation::GetObject, "NoSuchKey (HTTP 404)")),
        })
        .await
    }
}

fn read(bytes: &Bytes, range: &Range<u64>) -> Billed<Bytes> {
    let within =
        |position: u64| usize::try_from(position).map_or(bytes.len(), |at| at.min(bytes.len()));
    let read = bytes.slice(within(range.start)..within(range.end));
    let length = read.len();
    Billed::request(read).with_bytes(length)
}

impl ObjectStore for Cloud {
    type Body = BoxStream<'static, PortResult<Bytes>>;

    async fn read_upload(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Range<u64>,
    ) -> PortResult<Self::Body> {
        let body = self
            .call(Operation::GetObject, Resource::UPLOADS, |state| {
                let versions = state.objects.uploads.get(&(job.customer, job.job));
                let found = versions.and_then(|versions| {
                    versions.iter().find(|(stored, _)| stored.version == upload.version)
                });
                match found {
                    Some((_, bytes)) => read(bytes, &range),
                    None => {
                        Billed::failed(permanent(Operation::GetObject, "NoSuchVersion (HTTP 404)"))
                    }
                }
            })
            .await?;
        let cloud = self.clone();
        let pieces = stream::unfold(Some(body), move |rest| {
            let cloud = cloud.clone();
            async move {
                let mut rest = rest.filter(|rest| !rest.is_empty())?;
                let piece =
                    rest.split_to(cloud.faults().piece().clamp(1, usize::MAX).min(rest.len()));
                match cloud.next_piece().await {
                    Ok(()) => Some((Ok(piece), Some(rest))),
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        Ok(pieces.boxed())
    }

    async fn find_upload(&self, job: JobRef) -> PortResult<Option<Upload>> {
        self.call(Operation::ListObjectVersions, Resource::UPLOADS, |state| {
            let versions = state.objects.uploads.get(&(job.customer, job.job));
            Billed::request(versions.and_then(|versions| Some(versions.first()?.0.clone())))
        })
        .await
    }

    async fn delete_upload(&self, job: JobRef, upload: &Upload) -> PortResult<()> {
        self.call(Operation::DeleteObjects, Resource::UPLOADS, |state| {
            if let Some(versions) = state.objects.uploads.get_mut(&(job.customer, job.job)) {
                versions.retain(|(stored, _)| stored.version != upload.version);
            }
            Billed::request(())
        })
        .await
    }

    async fn store_plan(&self, job: JobRef, upload: &Upload, lines: Bytes) -> PortResult<Write> {
        self.put_first(Resource::PLANS, plan_key(job, upload), lines).await
    }

    async fn read_plan(
        &self,
        job: JobRef,
        upload: &Upload,
        range: Option<Range<u64>>,
    ) -> PortResult<Bytes> {
        self.get(Resource::PLANS, plan_key(job, upload), range.unwrap_or(0..u64::MAX)).await
    }

    async fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> PortResult<Write> {
        let json = serde_json::to_vec(outcomes)
            .map_err(|_| permanent(Operation::PutObject, "malformed outcomes"))?;
        self.put_first(Resource::OUTCOMES, outcomes_key(job, chunk), json.into()).await
    }

    async fn has_outcomes(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<bool> {
        let key = outcomes_key(job, chunk);
        self.call(Operation::ListObjectVersions, Resource::OUTCOMES, |state| {
            Billed::request(state.objects.objects.contains_key(&key))
        })
        .await
    }

    async fn read_outcomes(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<Vec<RowOutcome>> {
        let json = self.get(Resource::OUTCOMES, outcomes_key(job, chunk), 0..u64::MAX).await?;
        serde_json::from_slice(&json)
            .map_err(|_| permanent(Operation::GetObject, "malformed outcomes"))
    }

    async fn store_undo(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        patients: &[UndonePatient],
    ) -> PortResult<Write> {
        let json = serde_json::to_vec(patients)
            .map_err(|_| permanent(Operation::PutObject, "malformed outcomes"))?;
        self.put_first(Resource::OUTCOMES, undo_key(job, chunk), json.into()).await
    }

    async fn read_undo(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<Vec<UndonePatient>> {
        let json = self.get(Resource::OUTCOMES, undo_key(job, chunk), 0..u64::MAX).await?;
        serde_json::from_slice(&json)
            .map_err(|_| permanent(Operation::GetObject, "malformed outcomes"))
    }

    type Writer = Parts;

    async fn write_results(&self, job: JobRef, file: ResultFile) -> PortResult<Parts> {
        Ok(Parts::new(self, Resource::RESULTS, Target::Object(result_key(job, file))))
    }

    /// The link names its validity in seconds and has the headers of the terms, so that tests can
    /// compare them.
    async fn sign_upload(
        &self,
        job: JobRef,
        terms: &UploadTerms,
        valid: Duration,
    ) -> PortResult<UploadLink> {
        self.note(Operation::PutObject, Resource::UPLOADS);
        let length = terms.bytes.map(|bytes| ("content-length".to_owned(), bytes.to_string()));
        Ok(UploadLink {
            url: format!(
                "memory://uploads/{}/{}.csv?seconds={}",
                job.customer,
                job.job,
                valid.as_secs()
            ),
            headers: length.into_iter().collect(),
        })
    }

    async fn sign_download(
        &self,
        job: JobRef,
        file: ResultFile,
        _valid: Duration,
    ) -> PortResult<String> {
        self.note(Operation::GetObject, Resource::RESULTS);
        Ok(format!("memory://{}", result_key(job, file)))
    }
}

/// A file that is being written. Readers see it only after the last step, which stores all
/// parts at once.
#[derive(Debug)]
pub struct Parts {
    cloud: Cloud,
    folder: Resource,
    target: Target,
    sent: Vec<u8>,
    part: Vec<u8>,
}

impl Parts {
    pub(crate) fn new(cloud: &Cloud, folder: Resource, target: Target) -> Self {
        Self { cloud: cloud.clone(), folder, target, sent: Vec::new(), part: Vec::new() }
    }

    /// Sends the collected bytes as a part. Before the first part, a request creates the upload.
    async fn send_part(&mut self) -> PortResult<()> {
        let Self { cloud, folder, sent, part, .. } = self;
        if sent.is_empty() {
            cloud.call(Operation::PutObject, *folder, |_| Billed::request(())).await?;
        }
        let send = |_: &mut _| {
            let bytes = part.len();
            sent.append(part);
            Billed::request(()).with_bytes(bytes)
        };
        cloud.call(Operation::PutObject, *folder, send).await
    }
}

impl FileWriter for Parts {
    async fn write(&mut self, bytes: &[u8]) -> PortResult<()> {
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART { self.send_part().await } else { Ok(()) }
    }

    async fn finish(mut self) -> PortResult<()> {
        if !self.sent.is_empty() && !self.part.is_empty() {
            self.send_part().await?;
        }
        // This call completes the upload, or stores the whole file if it is smaller than a part.
        let Self { cloud, folder, target, mut sent, mut part } = self;
        let complete = |state: &mut State| {
            let bytes = part.len();
            sent.append(&mut part);
            let stored = Bytes::from(sent);
            match target {
                Target::Object(key) => {
                    state.objects.objects.insert(key, stored);
                }
                Target::Copy(copy, media_type) => {
                    let versions = state.objects.copies.entry(copy).or_default();
                    versions.push(Some(StoredCopy { media_type, bytes: stored }));
                }
            }
            Billed::request(()).with_bytes(bytes)
        };
        cloud.call(Operation::PutObject, folder, complete).await
    }
}

fn plan_key(JobRef { customer, job }: JobRef, upload: &Upload) -> String {
    format!("plans/{customer}/{job}/{}", upload.version)
}

fn outcomes_key(JobRef { customer, job }: JobRef, chunk: ChunkNumber) -> String {
    format!("outcomes/{customer}/{job}/{chunk}")
}

fn undo_key(JobRef { customer, job }: JobRef, chunk: ChunkNumber) -> String {
    format!("outcomes/{customer}/{job}/{chunk}.undo")
}

fn result_key(JobRef { customer, job }: JobRef, file: ResultFile) -> String {
    format!("results/{customer}/{job}/{file:?}")
}
