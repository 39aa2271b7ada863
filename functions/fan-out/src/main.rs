//! S3 `ObjectCreated` events of uploads, and SQS messages in their place -> `pipeline::fan_out`.

use aws::events::{Handled, handle_messages};
use aws::{Chunks, Environment, Files, Finished, Jobs, System, Uploads, Webhooks};
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use aws_lambda_events::sqs::SqsEvent;
use domain::csv::Limits;
use domain::job::Upload;
use domain::plan::ROWS_PER_CHUNK;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::fan_out::FanOut;
use pipeline::messages::UploadMessage;
use serde_json::Value;
use tracing::{error, info};

type UseCase = FanOut<Jobs, Files, Chunks, Finished, Webhooks, System>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load().await;
    let fan_out = FanOut {
        jobs: environment.jobs()?,
        files: environment.files()?,
        chunks: environment.chunks()?,
        finished: environment.finished()?,
        webhooks: environment.webhooks()?,
        clock: System,
        limits: Limits { rows: environment.row_limit()?, ..Limits::default() },
        rows_per_chunk: ROWS_PER_CHUNK,
    };
    let queue = environment.uploads()?;
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&fan_out, &queue, event.payload).await
    }))
    .await
}

/// An upload is announced by S3 itself or, where that event got lost, by the sweep through a queue.
async fn handle(fan_out: &UseCase, queue: &Uploads, event: Value) -> Result<Value, Error> {
    if event.pointer("/Records/0/eventSource").and_then(Value::as_str) == Some("aws:sqs") {
        let event: SqsEvent = serde_json::from_value(event)?;
        let handle = async |message: UploadMessage, _delivery| {
            let outcome = Box::pin(fan_out.run(&message)).await?;
            info!(job.id = %message.job, ?outcome, "Upload handled");
            Ok(Handled::Done)
        };
        return Ok(serde_json::to_value(handle_messages(queue, event, handle).await)?);
    }
    let event: S3Event = serde_json::from_value(event)?;
    for record in event.records {
        let Some(message) = uploaded(record) else {
            info!("An object that is no job's upload is ignored");
            continue;
        };
        let outcome = Box::pin(fan_out.run_event(queue, &message)).await.inspect_err(|error| {
            error!(job.id = %message.job, "Upload not handled, its event will be retried: {error}");
        })?;
        info!(job.id = %message.job, ?outcome, "Upload handled");
    }
    Ok(Value::Null)
}

fn uploaded(record: S3EventRecord) -> Option<UploadMessage> {
    let object = record.s3.object;
    let job = Files::job_of_upload(object.key.as_deref()?)?;
    Some(UploadMessage {
        customer: job.customer,
        job: job.job,
        upload: Upload {
            version: object.version_id?,
            etag: format!("\"{}\"", object.e_tag?.trim_matches('"')),
            bytes: object.size.and_then(|size| u64::try_from(size).ok())?,
        },
    })
}
