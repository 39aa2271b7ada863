//! S3 `ObjectCreated` events of uploads -> `pipeline::fan_out`.

use aws::{Chunks, Environment, Files, Finished, Jobs, System, Webhooks};
use aws_lambda_events::s3::{S3Event, S3EventRecord};
use domain::csv::Limits;
use domain::job::Upload;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::fan_out::{FanOut, Uploaded};
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
        limits: Limits::default(),
    };
    lambda_runtime::run(service_fn(|event: LambdaEvent<S3Event>| handle(&fan_out, event.payload))).await
}

async fn handle(fan_out: &UseCase, event: S3Event) -> Result<(), Error> {
    for record in event.records {
        let Some(uploaded) = uploaded(record) else {
            info!("An object that is no job's upload is ignored");
            continue;
        };
        match fan_out.run(&uploaded).await {
            Ok(outcome) => info!(job.id = %uploaded.job, ?outcome, "Upload handled"),
            Err(error) => {
                error!(job.id = %uploaded.job, "Upload not handled, it comes again: {error}");
                return Err(error.into());
            }
        }
    }
    Ok(())
}

fn uploaded(record: S3EventRecord) -> Option<Uploaded> {
    let object = record.s3.object;
    let job = Files::job_of_upload(object.key.as_deref()?)?;
    Some(Uploaded {
        customer: job.customer,
        job: job.job,
        upload: Upload {
            version: object.version_id?,
            etag: format!("\"{}\"", object.e_tag?.trim_matches('"')),
            bytes: object.size.and_then(|size| u64::try_from(size).ok())?,
        },
    })
}
