//! SQS messages about jobs with nothing left to wait for -> `pipeline::finalize`.

use aws::{AwsPorts, Connection, Program};
use lambda::{Handled, run_messages};
use lambda_runtime::Error;
use pipeline::finalize::finalize;
use pipeline::messages::FinishedMessage;
use pipeline::ports::Ports as _;
use tracing::info;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda::logging::init();
    let ports = AwsPorts::of(Program::Finalize, &Connection::open(Program::Finalize).await)?;
    run_messages(ports.queues(), async |message: FinishedMessage, _| {
        let outcome = finalize(&ports, &message).await?;
        info!(job.id = %message.job, ?outcome, "Finished job handled");
        Ok(Handled::Done)
    })
    .await
}
