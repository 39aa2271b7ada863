//! Everything that a stack holds about one patient, by place: as JSON, which the README describes,
//! and as text.
//!
//! The rows of a patient are in the files of imports, and no table lists these for a patient. They
//! are found in the audit trail, which has an event of each chunk with the patients of its rows. It
//! is read for as long as the bucket keeps a file. Rows that failed are looked for in the
//! failed-rows files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use bulk_aws::{AuditLog, AwsPorts, Objects, Retention, StoredVersion, System};
use bulk_domain::audit::Action;
use bulk_domain::ids::{CustomerId, JobId, PatientId};
use bulk_domain::job::Job;
use bulk_domain::job::times::JOB_WRITES;
use bulk_domain::plan::ChunkNumber;
use bulk_domain::record::PatientRecord;
use bulk_domain::roster::Roster;
use bulk_domain::time::Timestamp;
use bulk_pipeline::find_patient::{FoundPatient, find_patient};
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::Failure;
use serde_json::{Map, Value, json};

use super::failed_rows::{FailedRow, Wanted};
use crate::failed;

/// The folders with the rows of imports.
const ROWS: [&str; 2] = ["uploads/", "results/"];
/// The folder with the outcomes of chunks.
const OUTCOMES: &str = "outcomes/";
/// The folder with the plans of imports: byte ranges, and nothing about a patient.
const PLANS: &str = "plans/";

/// What is held about a patient.
pub struct Held {
    customer: CustomerId,
    patient: PatientId,
    at: Timestamp,
    found: FoundPatient,
    imports: BTreeMap<JobId, Option<Job>>,
    files: Vec<StoredVersion>,
    failed_rows: Vec<FailedRow>,
    retention: Retention,
    trail: Trail,
}

/// What the audit trail has about the patient.
struct Trail {
    since: Timestamp,
    events: usize,
    /// The imports with rows about the patient, and the chunks of these rows.
    imports: BTreeMap<JobId, BTreeSet<ChunkNumber>>,
}

impl Held {
    /// Looks at all places.
    pub async fn find(
        ports: &AwsPorts,
        objects: &Objects,
        log: &AuditLog,
        customer: CustomerId,
        patient: PatientId,
    ) -> anyhow::Result<Self> {
        let at = System::default().now();
        let hash_key = ports.directory().load_hash_key(customer).await.map_err(failed)?;
        let found = find_patient(ports, customer, &hash_key, patient).await?.ok_or_else(|| {
            Failure::new("this service has never given a patient this id")
                .next("the id is metriportId in result files, and id in the answers of the API")
        })?;
        let retention = objects.retention().await.map_err(failed)?;
        let trail = Trail::read(log, customer, patient, since(&retention, at)).await?;
        let mut chunks = trail.imports.clone();
        for job in &found.jobs {
            chunks.entry(*job).or_default();
        }
        // A call that puts patients into a cohort has its own entry, and no file.
        for (_, entry) in found.rosters.iter().filter(|(_, entry)| !entry.job.is_call()) {
            chunks.entry(entry.job).or_default().insert(entry.chunk);
        }
        let jobs: Vec<JobId> = chunks.keys().copied().collect();
        let mut known = ports.jobs().load_jobs(&jobs).await.map_err(failed)?;
        known.retain(|_, job| job.customer == customer);
        let imports = jobs.into_iter().map(|job| (job, known.remove(&job))).collect();
        let files = files(objects, customer, patient, &chunks).await?;
        let wanted = Wanted::of(&found, &hash_key);
        let failed_rows = wanted.search(objects, customer).await?;
        Ok(Self { customer, patient, at, found, imports, files, failed_rows, retention, trail })
    }

    /// Returns all places as JSON.
    pub fn to_json(&self) -> Value {
        json!({
            "customer": self.customer,
            "patient": self.patient,
            "at": self.at,
            "places": self.places().into_iter().collect::<Map<_, _>>(),
        })
    }

    /// Returns all places as text: those that hold something, and the names of the others.
    pub fn to_text(&self) -> anyhow::Result<String> {
        let (patient, customer) = (self.patient, self.customer);
        let mut text = format!("Patient {patient} of customer {customer}, at {}\n", self.at);
        for (name, place) in self.places() {
            match &place {
                Value::Null => writeln!(text, "\n{name}: nothing")?,
                Value::Array(entries) if entries.is_empty() => writeln!(text, "\n{name}: nothing")?,
                Value::Array(entries) => {
                    writeln!(text, "\n{name}: {}", entries.len())?;
                    for entry in entries {
                        writeln!(text, "  {entry}")?;
                    }
                }
                place => {
                    let lines = serde_json::to_string_pretty(place)?;
                    writeln!(text, "\n{name}:")?;
                    lines.lines().try_for_each(|line| writeln!(text, "  {line}"))?;
                }
            }
        }
        Ok(text.trim_end().to_owned())
    }

    fn places(&self) -> Vec<(String, Value)> {
        let places = [
            ("patients", self.person()),
            ("externalIds", self.external_ids()),
            ("rosters", self.rosters()),
            ("documentQuery", json!(self.found.query)),
            ("documents", json!(self.found.documents)),
            ("documentCopies", self.document_copies()),
            ("bulkDownload", json!(self.found.download)),
            ("imports", self.imports()),
            ("files", self.files()),
            ("failedRows", self.failed_rows()),
            ("auditTrail", self.audit_trail()),
        ];
        places.into_iter().map(|(name, place)| (name.to_owned(), place)).collect()
    }

    fn person(&self) -> Value {
        let FoundPatient { bucket, record, deleted, jobs, calls, .. } = &self.found;
        if record.is_none() && deleted.is_none() {
            return Value::Null;
        }
        let deleted = deleted.as_ref().map(|deleted| {
            json!({
                "at": deleted.at,
                "externalIdHash": deleted.external_id.map(|id| id.to_string()),
                "cohorts": deleted.cohorts,
                // The item stays if it has other patients.
                "keptUntil": deleted.at.plus(JOB_WRITES),
            })
        });
        json!({
            "key": format!("{}#{bucket}", self.customer),
            "record": record.as_ref().map(PatientRecord::to_readable),
            "deleted": deleted,
            "jobs": jobs,
            "calls": calls,
        })
    }

    fn external_ids(&self) -> Value {
        let entries = self.found.external_ids.iter().map(|(id, entry)| {
            json!({
                "key": format!("{}#{id}", self.customer),
                (by(entry.job)): entry.job,
                "isFirst": entry.is_first,
            })
        });
        entries.collect()
    }

    fn rosters(&self) -> Value {
        let entries = self.found.rosters.iter().map(|(roster, entry)| {
            let list = match roster {
                Roster::AllPatients => json!("all patients"),
                Roster::Cohort(cohort) => json!(cohort),
            };
            json!({"list": list, (by(entry.job)): entry.job, "chunk": entry.chunk})
        });
        entries.collect()
    }

    fn document_copies(&self) -> Value {
        let copies = self.found.copies.iter().map(|(document, state)| {
            json!({
                "key": format!("{}#{}", self.customer, self.patient),
                "document": document,
                "record": state,
            })
        });
        copies.collect()
    }

    fn failed_rows(&self) -> Value {
        let rows = self.failed_rows.iter().map(|FailedRow { file, row, matches }| {
            json!({"key": file.key, "version": file.version, "row": row, "matches": matches})
        });
        rows.collect()
    }

    fn imports(&self) -> Value {
        let imports = self.imports.iter().map(|(id, job)| match job {
            None => json!({"job": id, "status": null}),
            Some(job) => json!({
                "job": id,
                "status": job.status,
                "dryRun": job.dry_run,
                "createdAt": job.created_at,
                "finishedAt": job.finished_at,
            }),
        });
        imports.collect()
    }

    fn files(&self) -> Value {
        let files = self.files.iter().map(|file| {
            let holds = match file.key.split_inclusive('/').next() {
                Some(folder) if ROWS.contains(&folder) => "rows of the import, with the patient's",
                Some(OUTCOMES) => "the patient's id",
                _ => "the patient's documents",
            };
            json!({
                "key": file.key,
                "version": file.version,
                "bytes": file.bytes,
                "storedAt": file.stored_at,
                "keptUntil": self.retention.end_of(file),
                "holds": holds,
            })
        });
        files.collect()
    }

    fn audit_trail(&self) -> Value {
        let Self { customer, patient, trail, .. } = self;
        json!({
            "events": trail.events,
            "since": trail.since,
            "command": format!(
                "bulk-admin audit --customer {customer} --patient {patient} --since 2192d"
            ),
        })
    }
}

/// Returns the name of the field with the id of a job or of a call.
fn by(id: JobId) -> &'static str {
    if id.is_call() { "call" } else { "job" }
}

impl Trail {
    async fn read(
        log: &AuditLog,
        customer: CustomerId,
        patient: PatientId,
        since: Timestamp,
    ) -> anyhow::Result<Self> {
        let ids = [customer.to_string(), patient.to_string()];
        let mut trail = Self { since, events: 0, imports: BTreeMap::new() };
        let read = log.read(since, &ids, |stored| {
            let event = stored.event;
            if event.customer != Some(customer) || !event.objects.patients.contains(&patient) {
                return;
            }
            trail.events += 1;
            if matches!(event.action, Action::Import(_)) {
                for job in event.objects.jobs {
                    trail.imports.entry(job).or_default().extend(event.objects.chunk);
                }
            }
        });
        read.await.map_err(failed)?;
        Ok(trail)
    }
}

/// Returns the time since when events tell all files that may still be there. The files of an
/// import are written until it ends, and the events of its chunks come before that.
fn since(retention: &Retention, now: Timestamp) -> Timestamp {
    let kept = ROWS.iter().map(|folder| retention.longest(folder));
    let kept = kept.reduce(|one, other| Some(one?.max(other?))).flatten();
    kept.map_or(Timestamp::from_millis(0), |kept| now.minus(kept + JOB_WRITES))
}

/// Returns the versions of the files of imports, and of the files under the patient's own id.
async fn files(
    objects: &Objects,
    customer: CustomerId,
    patient: PatientId,
    imports: &BTreeMap<JobId, BTreeSet<ChunkNumber>>,
) -> anyhow::Result<Vec<StoredVersion>> {
    let mut found = Vec::new();
    for folder in objects.folders().await.map_err(failed)? {
        let of_imports: Vec<String> = match &*folder {
            PLANS => continue,
            OUTCOMES => {
                let names = |(job, chunks): (&JobId, &BTreeSet<ChunkNumber>)| {
                    let job = *job;
                    // Those of the import, and those of its undo.
                    chunks.clone().into_iter().map(move |chunk| format!("{job}/{chunk}."))
                };
                imports.iter().flat_map(names).collect()
            }
            _ => imports.keys().map(ToString::to_string).collect(),
        };
        for begins in of_imports.into_iter().chain([patient.to_string()]) {
            found.extend(objects.versions(customer, &folder, &begins).await.map_err(failed)?);
        }
    }
    Ok(found)
}
