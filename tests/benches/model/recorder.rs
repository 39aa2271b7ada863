//! The ports of `import-rows` over memory, and a note of each call: what it was for, which key it met, what it cost.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use domain::identity::Identity;
use domain::ids::{CustomerId, JobId, PatientId};
use domain::job::{Job, Upload};
use domain::matching::People;
use domain::outcome::{RowOutcome, Tally};
use domain::plan::ChunkNumber;
use domain::query::{QueryPart, QueryTally};
use domain::record::PatientRecord;
use domain::roster::{Roster, RosterEntry};
use domain::row::Directory;
use memory::{Cloud, Operation, Usage};
use pipeline::messages::FinishedMessage;
use pipeline::ports::{
    ChunkEnd, ChunkQueries, EndChunk, JobRef, LoadDirectory, LoadJob, LoadPatients, LoadPeople, PortResult,
    ReadOutcomes, ReadPlan, ReadUpload, SendFinished, StoreOutcomes, StorePatient, StorePeople, StoreRoster,
    Versioned, Write,
};

/// What a call is for, in the order in which a chunk makes them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Purpose {
    /// The job's item is read.
    LoadJob,
    /// The chunk's line of the plan.
    Plan,
    /// The customer's facilities and cohorts.
    Directory,
    /// Rows.
    Upload,
    /// Who is known under the rows' identities.
    LoadPeople,
    /// Patients that are known.
    LoadPatients,
    /// Who a row's patient is.
    StorePeople,
    /// Who is on a list.
    Roster,
    /// A patient.
    StorePatient,
    /// What became of the rows.
    Outcomes,
    /// The chunk is taken out of the job's item.
    EndChunk,
    /// The job is worked off.
    Finished,
}

/// Some calls for one purpose.
#[derive(Clone, Debug)]
pub struct Noted {
    /// What for.
    pub purpose: Purpose,
    /// How many.
    pub calls: u64,
    /// What they cost together.
    pub units: u64,
    /// The key that was written, if it was one.
    pub key: Option<String>,
}

/// The ports.
#[derive(Clone, Debug)]
pub struct Recorder {
    cloud: Cloud,
    notes: Arc<Mutex<Vec<Noted>>>,
}

impl Recorder {
    /// Records what is asked of `cloud`.
    pub fn new(cloud: Cloud) -> Self {
        Self { cloud, notes: Arc::default() }
    }

    /// What was asked since the last time.
    pub fn take(&self) -> Vec<Noted> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn note<T>(&self, purpose: Purpose, key: Option<String>, call: impl Future<Output = T>) -> T {
        let before = self.cloud.usage();
        let result = call.await;
        let (calls, units) = total(&self.cloud.usage().since(&before));
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        notes.push(Noted { purpose, calls, units, key });
        result
    }
}

/// Calls and units of everything.
pub fn total(usage: &Usage) -> (u64, u64) {
    let used = usage.iter().filter(|(operation, _)| *operation != Operation::Post);
    used.fold((0, 0), |(calls, units), (_, of)| (calls + of.calls, units + of.units))
}

impl LoadJob for Recorder {
    async fn load_job(&self, job: JobId) -> PortResult<Option<Job>> {
        self.note(Purpose::LoadJob, None, self.cloud.load_job(job)).await
    }

    async fn load_jobs(&self, jobs: &[JobId]) -> PortResult<HashMap<JobId, Job>> {
        self.cloud.load_jobs(jobs).await
    }
}

impl EndChunk for Recorder {
    async fn end_chunk(
        &self,
        job: JobId,
        chunk: ChunkNumber,
        tally: Tally,
        queries: u32,
    ) -> PortResult<ChunkEnd> {
        let end = self.cloud.end_chunk(job, chunk, tally, queries);
        self.note(Purpose::EndChunk, Some(job.to_string()), end).await
    }
}

/// There is no gateway, so these are not called.
impl ChunkQueries for Recorder {
    async fn open_parts(&self, job: JobId, chunk: ChunkNumber, parts: u32) -> PortResult<()> {
        self.cloud.open_parts(job, chunk, parts).await
    }

    async fn open_parts_of(
        &self,
        job: JobId,
        chunk: ChunkNumber,
    ) -> PortResult<std::collections::BTreeSet<u32>> {
        self.cloud.open_parts_of(job, chunk).await
    }

    async fn end_part(&self, part: QueryPart, tally: QueryTally) -> PortResult<Option<QueryTally>> {
        self.cloud.end_part(part, tally).await
    }

    async fn end_queries(&self, job: JobId, chunk: ChunkNumber, tally: QueryTally) -> PortResult<ChunkEnd> {
        self.cloud.end_queries(job, chunk, tally).await
    }
}

impl LoadDirectory for Recorder {
    async fn load_directory(&self, customer: CustomerId) -> PortResult<Directory> {
        self.note(Purpose::Directory, None, self.cloud.load_directory(customer)).await
    }
}

impl ReadUpload for Recorder {
    type Body = <Cloud as ReadUpload>::Body;

    async fn read_upload(&self, job: JobRef, upload: &Upload, range: Range<u64>) -> PortResult<Self::Body> {
        self.note(Purpose::Upload, None, self.cloud.read_upload(job, upload, range)).await
    }
}

impl ReadPlan for Recorder {
    async fn read_plan(&self, job: JobRef, upload: &Upload, range: Option<Range<u64>>) -> PortResult<Bytes> {
        self.note(Purpose::Plan, None, self.cloud.read_plan(job, upload, range)).await
    }
}

impl StoreOutcomes for Recorder {
    async fn store_outcomes(
        &self,
        job: JobRef,
        chunk: ChunkNumber,
        outcomes: &[RowOutcome],
    ) -> PortResult<Write> {
        self.note(Purpose::Outcomes, None, self.cloud.store_outcomes(job, chunk, outcomes)).await
    }
}

impl ReadOutcomes for Recorder {
    async fn read_outcomes(&self, job: JobRef, chunk: ChunkNumber) -> PortResult<Vec<RowOutcome>> {
        self.note(Purpose::Outcomes, None, self.cloud.read_outcomes(job, chunk)).await
    }
}

impl SendFinished for Recorder {
    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.note(Purpose::Finished, None, self.cloud.send_finished(message)).await
    }
}

impl LoadPeople for Recorder {
    async fn load_people(&self, identities: &[Identity]) -> PortResult<HashMap<Identity, Versioned<People>>> {
        self.note(Purpose::LoadPeople, None, self.cloud.load_people(identities)).await
    }
}

impl StorePeople for Recorder {
    async fn store_people(
        &self,
        identity: &Identity,
        people: &People,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let key = Some(identity.to_string());
        self.note(Purpose::StorePeople, key, self.cloud.store_people(identity, people, version)).await
    }
}

impl StoreRoster for Recorder {
    async fn store_roster(
        &self,
        customer: CustomerId,
        roster: Roster,
        entry: RosterEntry,
        patients: &[PatientId],
    ) -> PortResult<()> {
        let key = Some(format!("{customer} {roster:?}"));
        self.note(Purpose::Roster, key, self.cloud.store_roster(customer, roster, entry, patients)).await
    }
}

impl LoadPatients for Recorder {
    async fn load_patients(
        &self,
        customer: CustomerId,
        patients: &[PatientId],
    ) -> PortResult<HashMap<PatientId, Versioned<PatientRecord>>> {
        self.note(Purpose::LoadPatients, None, self.cloud.load_patients(customer, patients)).await
    }
}

impl StorePatient for Recorder {
    async fn store_patient(
        &self,
        customer: CustomerId,
        record: &PatientRecord,
        version: Option<u64>,
    ) -> PortResult<Write> {
        let key = Some(record.patient.id.to_string());
        self.note(Purpose::StorePatient, key, self.cloud.store_patient(customer, record, version)).await
    }
}
