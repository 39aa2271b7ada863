//! S3 `ObjectCreated` events of uploads, and SQS messages in their place ->
//! `bulk_pipeline::fan_out`.

mod uploaded;

use aws_lambda_events::s3::S3Event;
use aws_lambda_events::sqs::SqsEvent;
use bulk_aws::{AwsPorts, Connection, Program, variable};
use bulk_domain::csv::Limits;
use bulk_domain::plan::ROWS_PER_CHUNK;
use bulk_lambda::{Event, Handled, handle_messages};
use bulk_pipeline::fan_out::{FanOutSettings, fan_out, fan_out_event};
use bulk_pipeline::messages::UploadMessage;
use bulk_pipeline::ports::Ports as _;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::{error, info};
use uploaded::Uploaded;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::FanOut, &Connection::open(Program::FanOut).await)?;
    let limits = Limits { rows: variable("ROW_LIMIT")?, ..Limits::default() };
    let settings = FanOutSettings { limits, rows_per_chunk: ROWS_PER_CHUNK };
    lambda_runtime::run(service_fn(async |event: LambdaEvent<Value>| {
        handle(&ports, settings, event.payload).await
    }))
    .await
}

/// Handles the event of S3 about an upload, or a message that the sweep, or an earlier attempt,
/// sent in its place.
async fn handle(ports: &AwsPorts, settings: FanOutSettings, event: Value) -> Result<Value, Error> {
    if event.pointer("/Records/0/eventSource").and_then(Value::as_str) == Some("aws:sqs") {
        let Event(event) = serde_json::from_value::<Event<SqsEvent>>(event)?;
        let handle = async |message: UploadMessage, _| {
            check_versioning(&message);
            let outcome = Box::pin(fan_out(ports, settings, &message)).await?;
            info!(job.id = %message.job, ?outcome, "Upload handled");
            Ok(Handled::Done)
        };
        return Ok(serde_json::to_value(handle_messages(ports.queues(), event, handle).await)?);
    }
    let Event(event) = serde_json::from_value::<Event<S3Event>>(event)?;
    for record in event.records {
        let message = match record.into() {
            Uploaded::Job(message) => message,
            Uploaded::NotAnUpload => {
                info!("Object ignored, it is no upload of a job");
                continue;
            }
            Uploaded::Incomplete => {
                error!(
                    "Event of an upload without etag or size ignored, the sweep will find the upload"
                );
                continue;
            }
        };
        check_versioning(&message);
        let outcome = Box::pin(fan_out_event(ports, settings, &message)).await.inspect_err(|error| {
            error!(job.id = %message.job, "Upload not handled, its event will be retried: {error}");
        })?;
        info!(job.id = %message.job, ?outcome, "Upload handled");
    }
    Ok(Value::Null)
}

/// Logs an error if the bucket keeps no versions. The upload is processed all the same.
fn check_versioning(message: &UploadMessage) {
    if !message.upload.is_versioned() {
        error!(
            job.id = %message.job,
            metric.VersioningSuspended = 1,
            "The bucket keeps no versions: another upload to the same link destroys this one, and the job's rows fail. \
             Enable versioning of the bucket, as template.yaml does"
        );
    }
}
