//! The ports of a function on AWS, made from its environment variables.

use std::time::Duration;

use bulk_pipeline::ports::Ports;

use crate::variables::{optional, variable};
use crate::{
    AuditLog, ConfigError, Connection, Directory, ExternalIds, Jobs, Objects, Patients, Program,
    QueueUrls, SqsQueues, System,
};

const DAY: Duration = Duration::from_hours(24);

/// All ports of a function, as [`Ports`] on AWS.
///
/// A function has the resources that its use case calls, because template.yaml gives it their
/// variables. The store of another resource has no name, so that its calls fail. The test of the
/// roles in `tests/simulation` shows that no use case makes such a call.
#[derive(Clone, Debug)]
pub struct AwsPorts {
    directory: Directory,
    jobs: Jobs,
    patients: Patients,
    external_ids: ExternalIds,
    objects: Objects,
    queues: SqsQueues,
    audit_log: AuditLog,
    system: System,
}

/// A resource of template.yaml that a function can call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Resource {
    Directory,
    Jobs,
    Patients,
    ExternalIds,
    Files,
    Uploads,
    Chunks,
    Queries,
    Copies,
    Downloads,
    Finished,
    UndoneChunks,
    Webhooks,
    AuditTrail,
}

impl Resource {
    /// Returns the environment variables that name the resource.
    const fn variables(self) -> &'static [&'static str] {
        match self {
            Self::Directory => &["DIRECTORY_TABLE"],
            Self::Jobs => &["JOBS_TABLE"],
            Self::Patients => &["PATIENTS_TABLE"],
            Self::ExternalIds => &["EXTERNAL_IDS_TABLE"],
            Self::Files => &["FILES_BUCKET"],
            Self::Uploads => &["UPLOADS_QUEUE"],
            Self::Chunks => {
                &["SMALL_JOB_CHUNKS_QUEUE", "MEDIUM_JOB_CHUNKS_QUEUE", "LARGE_JOB_CHUNKS_QUEUE"]
            }
            Self::Queries => &["QUERIES_QUEUE"],
            Self::Copies => &["COPIES_QUEUE"],
            Self::Downloads => &["DOWNLOADS_QUEUE"],
            Self::Finished => &["FINISHED_QUEUE"],
            Self::UndoneChunks => &["UNDONE_CHUNKS_QUEUE"],
            Self::Webhooks => &["WEBHOOKS_QUEUE"],
            Self::AuditTrail => &["AUDIT_LOG_GROUP"],
        }
    }
}

impl Program {
    /// Returns the resources that a function calls, besides the audit trail, which all functions
    /// call, and the queues of document queries, of copies and of bulk downloads, which only a
    /// deployment with a gateway has.
    const fn resources(self) -> &'static [Resource] {
        use Resource::{
            Chunks, Copies, Directory, Downloads, ExternalIds, Files, Finished, Jobs, Patients,
            Queries, UndoneChunks, Uploads, Webhooks,
        };
        match self {
            Self::Api => {
                &[Directory, Jobs, Patients, ExternalIds, Files, Finished, UndoneChunks, Webhooks]
            }
            Self::FanOut => &[Jobs, Files, Uploads, Chunks, Finished, Webhooks],
            Self::ImportRows => {
                &[Directory, Jobs, Patients, ExternalIds, Files, Chunks, Finished, UndoneChunks]
            }
            Self::QueryDocuments => {
                &[Jobs, Patients, Files, Queries, Copies, Downloads, Finished, Webhooks]
            }
            Self::Finalize => &[Jobs, Files, Finished, Webhooks],
            Self::UndoChunk => {
                &[Directory, Jobs, Patients, ExternalIds, Files, Finished, UndoneChunks]
            }
            Self::DeliverWebhook => &[Directory, Jobs, Patients, Files, Webhooks],
            Self::Abandon => &[
                Directory,
                Jobs,
                Patients,
                ExternalIds,
                Files,
                Chunks,
                Finished,
                UndoneChunks,
                Webhooks,
            ],
            Self::Sweep => {
                &[Jobs, Patients, Files, Uploads, Chunks, Finished, UndoneChunks, Webhooks]
            }
            Self::BulkAdmin => &[],
        }
    }
}

/// The names of the resources with the data of customers, as an operator gives them.
#[derive(Clone, Debug)]
pub struct ResourceNames {
    /// The table of customers, keys and settings.
    pub directory: String,
    /// The table of jobs and webhook deliveries.
    pub jobs: String,
    /// The table of persons, rosters and documents.
    pub patients: String,
    /// The table of the entries of external ids.
    pub external_ids: String,
    /// The bucket with uploads and results.
    pub files: String,
}

impl AwsPorts {
    /// Returns the ports of an operator's command, which reaches no queue and creates no job.
    pub fn of_operator(connection: &Connection, names: ResourceNames, audit_log: AuditLog) -> Self {
        let dynamodb = connection.dynamodb();
        Self {
            directory: Directory::new(dynamodb.clone(), names.directory),
            // Nothing is stored here, so that the retention of deliveries does not matter.
            jobs: Jobs::new(dynamodb.clone(), names.jobs, Duration::ZERO),
            patients: Patients::new(dynamodb.clone(), names.patients),
            external_ids: ExternalIds::new(dynamodb, names.external_ids),
            objects: Objects::new(connection.s3(), names.files),
            queues: SqsQueues::new(connection.sqs(), QueueUrls::default()),
            audit_log,
            system: System::default(),
        }
    }

    /// Returns the ports of a function, by the variables that template.yaml gives it.
    ///
    /// # Errors
    ///
    /// Returns the name of the first missing variable, if a resource of the function has one.
    pub fn of(program: Program, connection: &Connection) -> Result<Self, ConfigError> {
        let resources = program.resources().iter().chain([&Resource::AuditTrail]);
        for name in resources.flat_map(|resource| resource.variables()).copied() {
            variable::<String>(name)?;
        }
        let system = match program {
            Program::DeliverWebhook => System::with_api(variable("API_URL")?),
            _ => System::default(),
        };
        let name = |name| Ok(optional::<String>(name)?.unwrap_or_default());
        let dynamodb = connection.dynamodb();
        let directory = Directory::new(dynamodb.clone(), name("DIRECTORY_TABLE")?);
        let directory = match optional("CALLS_PER_MINUTE")? {
            Some(calls) => directory.with_calls_per_minute(calls),
            None => directory,
        };
        let retention_days: u32 = variable("RETENTION_DAYS")?;
        let urls = QueueUrls {
            uploads: optional("UPLOADS_QUEUE")?,
            small_job_chunks: optional("SMALL_JOB_CHUNKS_QUEUE")?,
            medium_job_chunks: optional("MEDIUM_JOB_CHUNKS_QUEUE")?,
            large_job_chunks: optional("LARGE_JOB_CHUNKS_QUEUE")?,
            queries: optional("QUERIES_QUEUE")?,
            copies: optional("COPIES_QUEUE")?,
            downloads: optional("DOWNLOADS_QUEUE")?,
            finished: optional("FINISHED_QUEUE")?,
            undone_chunks: optional("UNDONE_CHUNKS_QUEUE")?,
            webhooks: optional("WEBHOOKS_QUEUE")?,
        };
        Ok(Self {
            directory,
            jobs: Jobs::new(dynamodb.clone(), name("JOBS_TABLE")?, DAY * retention_days),
            patients: Patients::new(dynamodb.clone(), name("PATIENTS_TABLE")?),
            external_ids: ExternalIds::new(dynamodb, name("EXTERNAL_IDS_TABLE")?),
            objects: Objects::new(connection.s3(), name("FILES_BUCKET")?),
            queues: SqsQueues::new(connection.sqs(), urls),
            audit_log: AuditLog::new(connection.logs(), name("AUDIT_LOG_GROUP")?),
            system,
        })
    }
}

impl Ports for AwsPorts {
    type Jobs = Jobs;
    type Deliveries = Jobs;
    type GatewayLimits = Jobs;
    type Patients = Patients;
    type ExternalIds = ExternalIds;
    type Documents = Patients;
    type Downloads = Jobs;
    type Copies = Objects;
    type Directory = Directory;
    type Objects = Objects;
    type Queues = SqsQueues;
    type AuditTrail = AuditLog;
    type Environment = System;

    fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    fn deliveries(&self) -> &Jobs {
        &self.jobs
    }

    fn gateway_limits(&self) -> &Jobs {
        &self.jobs
    }

    fn patients(&self) -> &Patients {
        &self.patients
    }

    fn external_ids(&self) -> &ExternalIds {
        &self.external_ids
    }

    fn documents(&self) -> &Patients {
        &self.patients
    }

    fn downloads(&self) -> &Jobs {
        &self.jobs
    }

    fn copies(&self) -> &Objects {
        &self.objects
    }

    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn objects(&self) -> &Objects {
        &self.objects
    }

    fn queues(&self) -> &SqsQueues {
        &self.queues
    }

    fn audit_trail(&self) -> &AuditLog {
        &self.audit_log
    }

    fn environment(&self) -> &System {
        &self.system
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::timeouts::tests::{FUNCTIONS, template};

    #[test]
    fn a_function_demands_the_variables_of_resources_that_the_template_gives_it() {
        let template = template();
        for program in FUNCTIONS {
            let name = format!("{program:?}");
            let variables =
                &template["Resources"][name.as_str()]["Properties"]["Environment"]["Variables"];
            let names = variables.as_hash().unwrap().keys().map(|name| name.as_str().unwrap());
            let ends = ["_TABLE", "_BUCKET", "_QUEUE"];
            let mut given: BTreeSet<&str> =
                names.filter(|name| ends.iter().any(|end| name.ends_with(end))).collect();
            let demanded: BTreeSet<&str> = program
                .resources()
                .iter()
                .flat_map(|resource| resource.variables())
                .copied()
                .collect();
            for optional in ["QUERIES_QUEUE", "COPIES_QUEUE", "DOWNLOADS_QUEUE"] {
                // Only a deployment with a gateway has them.
                if !demanded.contains(optional) {
                    given.remove(optional);
                }
            }
            assert_eq!(demanded, given, "{name}");
        }
    }
}
