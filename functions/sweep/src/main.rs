//! A scheduled event every minute -> `bulk_pipeline::sweep`.

use std::time::Duration;

use bulk_aws::{AwsPorts, ConfigError, Connection, Program, variable};
use bulk_domain::ids::JobId;
use bulk_pipeline::sweep::{SweepOutcome, sweep};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::de::IgnoredAny;
use tracing::{debug, error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    bulk_lambda::logging::init();
    let ports = AwsPorts::of(Program::Sweep, &Connection::open(Program::Sweep).await)?;
    let time_to_query = time_to_query()?;
    lambda_runtime::run(service_fn(async |_: LambdaEvent<IgnoredAny>| {
        let looks = sweep(&ports, time_to_query, tell).await?;
        debug!(looks, "Sweep ended");
        Ok::<_, Error>(())
    }))
    .await
}

/// Returns how long the document queries of a job may take, which the environment gives in minutes.
fn time_to_query() -> Result<Duration, ConfigError> {
    const MINUTES: &str = "QUERY_DEADLINE_MINUTES";
    let minutes: f64 = variable(MINUTES)?;
    Duration::try_from_secs_f64(minutes * 60.0).map_err(|_| ConfigError(MINUTES))
}

fn tell(job: JobId, outcome: Result<SweepOutcome, bulk_pipeline::Error>) {
    match outcome {
        Ok(SweepOutcome::Nothing) => debug!(job.id = %job, "Job makes progress"),
        Ok(outcome) => info!(job.id = %job, ?outcome, "Job repaired"),
        Err(error) => {
            error!(job.id = %job, "Job not repaired, the next run looks at it again: {error}");
        }
    }
}
