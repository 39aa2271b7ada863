//! Every minute -> `pipeline::sweep`.

use aws::{Environment, Program, System};
use domain::ids::JobId;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use pipeline::abandon::Abandon;
use pipeline::sweep::{Sweep, Swept};
use serde::de::IgnoredAny;
use tracing::{debug, error, info};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    aws::logging::init();
    let environment = Environment::load(Program::Sweep).await;
    let sweep = Sweep {
        abandon: Abandon {
            jobs: environment.jobs()?,
            files: environment.files()?,
            patients: environment.patients()?,
            finished: environment.finished()?,
            queries: environment.queries(),
            webhooks: environment.webhooks()?,
            clock: System,
        },
        uploads: environment.uploads()?,
        chunks: environment.chunks()?,
        time_to_query: environment.time_to_query()?,
    };
    lambda_runtime::run(service_fn(async |_: LambdaEvent<IgnoredAny>| {
        let looks = sweep.run(tell).await?;
        debug!(looks, "Sweep ended");
        Ok::<_, Error>(())
    }))
    .await
}

fn tell(job: JobId, swept: Result<Swept, pipeline::Error>) {
    match swept {
        Ok(Swept::Fine) => debug!(job.id = %job, "Job is getting on"),
        Ok(swept) => info!(job.id = %job, ?swept, "Job swept"),
        Err(error) => error!(job.id = %job, "Job not swept, the next run looks at it again: {error}"),
    }
}
