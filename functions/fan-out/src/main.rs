//! S3 `ObjectCreated` events of uploads, and SQS messages in their place -> `pipeline::fan_out`.

mod uploaded;

use aws::events::{Handled, handle_messages};
use aws::{Chunks, Environment, Event, Files, Finished, Jobs, Program, System, Uploads, Webhooks};
use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use domain::csv::Limits;
use domain::plan::ROWS_PER_CHUNK;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::fan_out::FanOut;
use pipeline::messages::UploadMessage;
use serde_json::Value;
use tracing::{error, info};
use uploaded::{Uploaded, is_versioned};

type UseCase = FanOut<Jobs, Files, Chunks, Finished, Webhooks, System>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::FanOut).await;
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
        let Event(event) = serde_json::from_value::<Event<SqsEvent>>(event)?;
        let handle = async |message: UploadMessage, _delivery| {
            check_versioning(&message);
            let outcome = Box::pin(fan_out.run(&message)).await?;
            info!(job.id = %message.job, ?outcome, "Upload handled");
            Ok(Handled::Done)
        };
        return Ok(serde_json::to_value(handle_messages(queue, event, handle).await)?);
    }
    let Event(event) = serde_json::from_value::<Event<S3Event>>(event)?;
    for record in event.records {
        let message = match record.into() {
            Uploaded::Job(message) => message,
            Uploaded::NotAnUpload => {
                info!("An object that is no job's upload was ignored");
                continue;
            }
            Uploaded::Incomplete => {
                error!("An upload's event without etag or size was ignored; the sweep will find the upload");
                continue;
            }
        };
        check_versioning(&message);
        let outcome = Box::pin(fan_out.run_event(queue, &message)).await.inspect_err(|error| {
            error!(job.id = %message.job, "Upload not handled, its event will be retried: {error}");
        })?;
        info!(job.id = %message.job, ?outcome, "Upload handled");
    }
    Ok(Value::Null)
}

/// Says what is wrong with a bucket that keeps no versions. The upload is processed all the same.
fn check_versioning(message: &UploadMessage) {
    if !is_versioned(&message.upload) {
        error!(
            job.id = %message.job,
            "The bucket keeps no versions: another upload to the same link destroys this one, and the job's rows fail. \
             Enable versioning of the bucket, as template.yaml does"
        );
    }
}
