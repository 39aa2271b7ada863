//! All ports of a function on AWS.

use std::time::Duration;

use domain::job_size::JobSize;
use pipeline::messages::{ChunkMessage, FinishedMessage, QueryMessage, UploadMessage, WebhookMessage};
use pipeline::ports::{
    PortError, PortResult, Ports, SendChunks, SendFinished, SendQueries, SendUpload, SendWebhook,
};

use crate::{
    Chunks, ConfigError, Directory, Environment, Files, Finished, Jobs, Patients, Queries, System, Uploads,
    Webhooks,
};

/// All ports of a function.
#[derive(Clone, Debug)]
pub struct AwsPorts {
    directory: Directory,
    jobs: Jobs,
    patients: Patients,
    files: Files,
    queues: SqsQueues,
}

impl AwsPorts {
    /// The ports of the API.
    pub fn of_api(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            directory: environment.directory()?,
            jobs: environment.jobs()?,
            patients: environment.patients()?,
            files: environment.files()?,
            queues: SqsQueues {
                finished: environment.finished()?,
                webhooks: environment.webhooks()?,
                queries: environment.queries(),
                uploads: None,
                chunks: None,
            },
        })
    }
}

/// The queues of a function.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    chunks: Option<Chunks>,
    finished: Finished,
    queries: Option<Queries>,
    uploads: Option<Uploads>,
    webhooks: Webhooks,
}

fn no_queue() -> PortError {
    PortError { operation: "sqs.SendMessage", code: "no such queue".to_owned(), transient: false }
}

impl SendChunks for SqsQueues {
    async fn send_chunks(&self, size: JobSize, messages: &[ChunkMessage]) -> PortResult<()> {
        self.chunks.as_ref().ok_or_else(no_queue)?.send_chunks(size, messages).await
    }
}

impl SendFinished for SqsQueues {
    async fn send_finished(&self, message: &FinishedMessage) -> PortResult<()> {
        self.finished.send_finished(message).await
    }
}

impl SendQueries for SqsQueues {
    fn has_gateway(&self) -> bool {
        self.queries.has_gateway()
    }

    async fn send_queries(&self, messages: &[QueryMessage]) -> PortResult<()> {
        self.queries.send_queries(messages).await
    }
}

impl SendUpload for SqsQueues {
    async fn send_upload(&self, message: &UploadMessage) -> PortResult<()> {
        self.uploads.as_ref().ok_or_else(no_queue)?.send_upload(message).await
    }
}

impl SendWebhook for SqsQueues {
    async fn send_webhook_after(&self, message: &WebhookMessage, delay: Duration) -> PortResult<()> {
        self.webhooks.send_webhook_after(message, delay).await
    }
}

impl Ports for AwsPorts {
    type Jobs = Jobs;
    type Deliveries = Jobs;
    type GatewayLimits = Jobs;
    type Patients = Patients;
    type Documents = Patients;
    type Directory = Directory;
    type Objects = Files;
    type Queues = SqsQueues;
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

    fn documents(&self) -> &Patients {
        &self.patients
    }

    fn directory(&self) -> &Directory {
        &self.directory
    }

    fn objects(&self) -> &Files {
        &self.files
    }

    fn queues(&self) -> &SqsQueues {
        &self.queues
    }

    fn environment(&self) -> &System {
        &System
    }
}
