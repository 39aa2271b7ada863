//! The times of a job: how long its upload and its rows may take, and how long it may write
//! patients.

use std::time::Duration;

use crate::ids::JobId;
use crate::time::Timestamp;

/// How long an upload link is valid. A job without an upload expires after that.
pub const UPLOAD_WINDOW: Duration = Duration::from_mins(10);

/// How long after the end of the link the sweep looks for a file with a lost S3 event. S3 checks a
/// link when a request begins, so that an upload can end, and be accepted, after the link's time
/// (Amazon S3 User Guide, "Sharing objects with presigned URLs": a transfer that began in time is
/// not cut off).
pub const LATE_UPLOAD_WATCH: Duration = Duration::from_hours(1);

/// How long after the end of the link the service tries to read a file that was uploaded. If the
/// file cannot be read in this time, its job fails.
pub const TIME_TO_START: Duration = Duration::from_hours(24);

/// How long the rows of a job may take. A row without an outcome after that fails, so that a job
/// never stays `processing` for ever.
pub const TIME_TO_PROCESS: Duration = Duration::from_hours(6);

/// Time without a completed chunk, of an import or an undo, after which the sweep sends the pending
/// chunks again. It is longer than the message of a worker that died stays invisible, so that this
/// message is received again first.
pub const STALLED_AFTER: Duration = Duration::from_mins(15);

/// How long a job needs its files and its entries at most: the time to read the upload, and then
/// the time for its rows or the longest deadline of its document queries (`QueryDeadlineMinutes`
/// allows 40 hours), the longer of the two.
pub const LONGEST_LIFE: Duration = Duration::from_hours(3 * 24);

/// How long a job may still write patients, counted from the time in its id. After that, what it
/// decided is forgotten, and an entry of an external id that it stored may be deleted. A worker
/// that started in time ([`may_start_rows`]) has a day to end, and lives for minutes.
pub const JOB_WRITES: Duration = LONGEST_LIFE.saturating_add(Duration::from_hours(24));

/// Returns whether a worker may start to import rows of a job. An id can be a day older than its
/// job, by an idempotency key, and the rows of a job have an outcome 31 hours after its link
/// expired, unless no sweep ran.
pub fn may_start_rows(job: JobId, now: Timestamp) -> bool {
    job.created_at().plus(LONGEST_LIFE) >= now
}

/// Returns whether a job may still write patients.
pub fn may_write(job: JobId, now: Timestamp) -> bool {
    job.created_at().plus(JOB_WRITES) >= now
}
