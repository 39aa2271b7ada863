//! Watching an import until it ends: polls its state and shows progress.

use std::time::{Duration, Instant};

use bulk_domain::ids::JobId;
use bulk_domain::job::JobStatus;
use bulk_terminal::{Exit, Failure, Output};

use crate::api::{Client, Job, Pause};
use crate::format;
use crate::progress::{Progress, Unit};

/// The shortest time between two polls.
const SHORTEST: Duration = Duration::from_millis(400);

/// The longest time between two polls.
const LONGEST: Duration = Duration::from_secs(10);

/// The longest time between two polls while a progress bar is shown.
const LONGEST_WITH_BAR: Duration = Duration::from_secs(2);

/// Polls during the estimated rest of an import.
const POLLS_LEFT: f64 = 20.0;

/// How long the service may be unreachable before the command fails. The import goes on without it.
const LONGEST_OUTAGE: Duration = Duration::from_mins(10);

/// Steps of the backoff while nothing changes: 1.25 to the power of 20 reaches the longest wait.
const MOST_STEPS: i32 = 20;

/// How long to wait for the service to process a file that was uploaded after its link expired.
/// S3's event takes seconds; if the event is lost, the service looks for the file within an hour.
const LATE_FILE_WAIT: Duration = Duration::from_mins(70);

/// Whether the file of an import was uploaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum File {
    /// Unknown. An import without a file ends as expired.
    MayBeMissing,
    /// S3 accepted it, so the import continues even if its link expired during the upload.
    Accepted,
}

/// Waits for the end of an import, and returns its final state. While the service does not answer,
/// it asks again for [`LONGEST_OUTAGE`].
pub async fn watch(client: &Client, id: JobId, file: File, output: Output) -> anyhow::Result<Job> {
    let started = Instant::now();
    let mut shown = Shown { output, stage: Stage::Nothing };
    let (mut pace, mut pause) = (Pace::for_output(output), Pause::default());
    let mut away_since: Option<Instant> = None;
    loop {
        match client.job_once(id).await {
            Ok(job) => {
                if away_since.take().is_some() {
                    shown.note("the service answers again");
                }
                pause = Pause::default();
                let waits_for_file = file == File::Accepted && started.elapsed() < LATE_FILE_WAIT;
                let has_ended = match job.status {
                    JobStatus::Expired => !waits_for_file,
                    status => status.is_final(),
                };
                if has_ended {
                    shown.end(&job);
                    return Ok(job);
                }
                shown.show(&job);
                tokio::time::sleep(pace.until_next(&job, Instant::now())).await;
            }
            Err(error) if error.is_transient() => {
                let since = *away_since.get_or_insert_with(|| {
                    shown.note("the service does not answer; the import goes on, retrying …");
                    Instant::now()
                });
                if since.elapsed() > LONGEST_OUTAGE {
                    let away = format::duration(LONGEST_OUTAGE);
                    return Err(Failure::new(format!(
                        "the service did not answer for {away}; the import goes on"
                    ))
                    .next(format!("bulk status {id} --wait"))
                    .exit(Exit::Unreachable)
                    .into());
                }
                tokio::time::sleep(pause.next(error.retry_after())).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// How often to poll: rarely while much is left, often near the end, and less and less while
/// nothing changes.
#[derive(Debug)]
struct Pace {
    longest: Duration,
    /// When progress was first seen, with completed and total at that time.
    moved: Option<(Instant, u64, u64)>,
    last: Option<(JobStatus, u64, u64)>,
    /// Polls since the last change.
    unchanged: i32,
}

impl Pace {
    fn for_output(output: Output) -> Self {
        Self::new(if output.has_bars() { LONGEST_WITH_BAR } else { LONGEST })
    }

    fn new(longest: Duration) -> Self {
        Self { longest, moved: None, last: None, unchanged: 0 }
    }

    fn until_next(&mut self, job: &Job, now: Instant) -> Duration {
        let (done, total) = job.progress();
        let state = (job.status, done, total);
        self.unchanged =
            if self.last == Some(state) { (self.unchanged + 1).min(MOST_STEPS) } else { 0 };
        self.last = Some(state);
        let backoff = SHORTEST.mul_f64(1.25_f64.powi(self.unchanged));
        // Document queries have another total than rows, and another speed.
        self.moved = self.moved.filter(|(_, _, of)| *of == total);
        let (since, from, _) = *self.moved.get_or_insert((now, done, total));
        let seconds_left = match format::per_second(done - from.min(done), now - since) {
            Some(speed) if speed > 0 => total.saturating_sub(done).div_ceil(speed),
            _ => 0,
        };
        let remaining = Duration::from_secs(seconds_left.min(3600)).div_f64(POLLS_LEFT);
        backoff.max(remaining).clamp(SHORTEST, self.longest)
    }
}

/// Notes and bars on the screen.
#[derive(Debug)]
struct Shown {
    output: Output,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Nothing,
    Waiting,
    /// S3 accepted the file after the link had expired.
    Late,
    Rows(Progress),
    Queries(Progress),
    Ending,
}

impl Shown {
    fn show(&mut self, job: &Job) {
        match (&self.stage, job.status) {
            (Stage::Nothing | Stage::Waiting, JobStatus::Expired) => {
                self.output
                    .note("the link expired during the upload; waiting for the service to read the file …");
                self.stage = Stage::Late;
            }
            (Stage::Nothing, JobStatus::Waiting) => {
                self.output.note("waiting for the service to read the file …");
                self.stage = Stage::Waiting;
            }
            (Stage::Nothing | Stage::Waiting | Stage::Late, JobStatus::Processing)
                if job.total > 0 =>
            {
                let rows =
                    Progress::new("importing", Unit::Rows, job.done(), job.total, self.output);
                self.stage = Stage::Rows(rows);
            }
            (Stage::Rows(bar), JobStatus::Processing) if job.has_all_rows() => {
                bar.finish();
                self.stage = self.after_rows(job);
            }
            (Stage::Queries(bar), JobStatus::Processing) => {
                if let Some(queries) = job.queries_left() {
                    bar.set(queries.done());
                } else {
                    bar.finish();
                    self.stage = self.after_rows(job);
                }
            }
            (Stage::Rows(bar), JobStatus::Processing) => bar.set(job.done()),
            _ => {}
        }
    }

    fn end(&self, job: &Job) {
        if let Stage::Rows(bar) | Stage::Queries(bar) = &self.stage {
            if job.status == JobStatus::Completed { bar.finish() } else { bar.abandon() }
        }
    }

    fn after_rows(&self, job: &Job) -> Stage {
        if let Some(queries) = job.queries_left() {
            self.output.note("all rows are done; the service looks for the patients' documents …");
            return Stage::Queries(Progress::new(
                "querying",
                Unit::Patients,
                queries.done(),
                queries.total,
                self.output,
            ));
        }
        self.output.note("all rows are done; the service finishes the import …");
        Stage::Ending
    }

    fn note(&self, text: &str) {
        match &self.stage {
            Stage::Rows(bar) | Stage::Queries(bar) => bar.note(text),
            _ => self.output.note(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &str, done: u64, total: u64) -> Job {
        serde_json::from_value(serde_json::json!({
            "requestId": "01999999-9999-7999-8999-999999999999", "status": status,
            "createdAt": "2026-01-01T00:00:00.000Z", "successful": done, "total": total,
        }))
        .unwrap()
    }

    #[test]
    fn a_long_import_is_polled_rarely_and_its_end_often() {
        let (mut pace, start) = (Pace::new(LONGEST), Instant::now());
        let mut wait = |seconds, done| {
            pace.until_next(&job("processing", done, 100_000), start + Duration::from_secs(seconds))
        };
        assert_eq!(wait(0, 0), SHORTEST);
        assert_eq!(wait(10, 5_000), Duration::from_millis(9_500), "190 s left");
        assert_eq!(wait(190, 95_000), Duration::from_millis(500), "10 s left");
        assert_eq!(wait(199, 99_500), SHORTEST, "1 s left");
    }

    #[test]
    fn a_bar_is_polled_more_often() {
        let (mut pace, start) = (Pace::new(LONGEST_WITH_BAR), Instant::now());
        pace.until_next(&job("processing", 0, 100_000), start);
        let later = start + Duration::from_secs(10);
        assert_eq!(pace.until_next(&job("processing", 5_000, 100_000), later), LONGEST_WITH_BAR);
    }

    #[test]
    fn while_nothing_changes_polls_get_rarer_up_to_a_limit() {
        let (mut pace, start) = (Pace::new(LONGEST), Instant::now());
        let waits: Vec<Duration> =
            (0..40).map(|_| pace.until_next(&job("waiting", 0, 0), start)).collect();
        assert!(waits.is_sorted());
        assert_eq!(waits[0], SHORTEST);
        assert_eq!(waits[39], LONGEST);
    }
}
