//! SQS messages about jobs with nothing left to wait for -> `bulk_pipeline::finalize`.

use bulk_aws::{AwsPorts, Connection, Program};
use bulk_lambda::{Handled, run_messages};
use bulk_pipeline::finalize::{FinalizeOutcome, finalize};
use bulk_pipeline::messages::FinishedMessage;
use bulk_pipeline::ports::Ports as _;
use lambda_runtime::Error;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::Finalize, &Connection::open(Program::Finalize).await)?;
    run_messages(ports.queues(), async |message: FinishedMessage, _| {
        let outcome = finalize(&ports, &message).await?;
        let seconds = match outcome {
            FinalizeOutcome::Ended { took, .. } => Some(took.as_secs_f64()),
            FinalizeOutcome::Undone | FinalizeOutcome::Nothing => None,
        };
        info!(job.id = %message.job, ?outcome, metric.ImportSeconds = seconds, "Finished job handled");
        Ok(Handled::Done)
    })
    .await
}
