//! The outcome of a simulation.

use crate::parameters::{Capacity, Micros, SECOND};
use crate::table::{Access, Asked, Key, Table};

/// When a job reached which step, in microseconds.
#[derive(Clone, Copy, Default, Debug)]
pub struct JobTimes {
    pub rows: u32,
    /// The rows that failed because their chunk failed too often.
    pub lost_rows: u32,
    /// When the last byte of the file arrived.
    pub uploaded: Micros,
    pub planned: Micros,
    pub begun: Micros,
    pub imported: Micros,
    /// When it was `completed`. 0 if it never was.
    pub completed: Micros,
}

impl JobTimes {
    /// Returns the seconds from the upload to the end.
    pub fn seconds(&self) -> f64 {
        self.completed.saturating_sub(self.uploaded) as f64 / SECOND as f64
    }
}

#[derive(Debug)]
pub struct Outcome {
    pub jobs: Vec<JobTimes>,
    pub patients: Table,
    pub external_ids: Table,
    pub job_items: Table,
    pub directory: Table,
    pub attempts: u64,
    /// The persons and the entries of external ids that were written.
    pub writes: u64,
    /// The receives of chunks beyond the first.
    pub redeliveries: u64,
    pub most_receives: u32,
    /// The runs that were killed after their timeout.
    pub timeouts: u64,
    running: u32,
    since: Micros,
    /// The time in which instances were handling chunks.
    pub busy: f64,
}

impl Outcome {
    /// Returns the outcome before anything happened.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            jobs: Vec::new(),
            patients: Table::new(capacity),
            external_ids: Table::new(capacity),
            job_items: Table::new(capacity),
            directory: Table::new(capacity),
            attempts: 0,
            writes: 0,
            redeliveries: 0,
            most_receives: 0,
            timeouts: 0,
            running: 0,
            since: 0,
            busy: 0.0,
        }
    }

    /// Records that this many more chunks are being handled.
    pub fn running(&mut self, now: Micros, more: i32) {
        self.busy += f64::from(self.running) * (now - self.since) as f64;
        self.since = now;
        self.running = self.running.saturating_add_signed(more);
    }

    /// Returns the seconds from the first upload to the last end.
    pub fn seconds(&self) -> f64 {
        let first = self.jobs.iter().map(|job| job.uploaded).min().unwrap_or(0);
        let last = self.jobs.iter().map(|job| job.completed).max().unwrap_or(0);
        (last - first) as f64 / SECOND as f64
    }

    /// Returns the seconds in which chunks were imported.
    pub fn importing(&self) -> f64 {
        let first = self.jobs.iter().map(|job| job.planned).min().unwrap_or(0);
        let last = self.jobs.iter().map(|job| job.imported).max().unwrap_or(0);
        (last - first) as f64 / SECOND as f64
    }

    /// Returns the rows of all jobs.
    pub fn rows(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.rows)).sum()
    }

    /// Returns the rows that became dead letters.
    pub fn lost_rows(&self) -> u64 {
        self.jobs.iter().map(|job| u64::from(job.lost_rows)).sum()
    }

    /// Returns the share of attempts that were throttled.
    pub fn throttled(&self) -> f64 {
        let throttled = self.patients.throttled
            + self.external_ids.throttled
            + self.job_items.throttled
            + self.directory.throttled;
        throttled as f64 / self.attempts.max(1) as f64
    }

    /// Returns, of each kind, the shared key with the most writes or reads in a second.
    pub fn hottest(&self) -> Vec<(Key, Access, Asked)> {
        let mut hottest: Vec<(Key, Access, Asked)> = Vec::new();
        let tables = [&self.patients, &self.job_items, &self.directory];
        for (key, asked) in tables.into_iter().flat_map(|table| &table.asked) {
            for (access, asked) in [(Access::Write, asked[0]), (Access::Read, asked[1])] {
                let same = hottest
                    .iter_mut()
                    .find(|(other, of, _)| (other.name(), *of) == (key.name(), access));
                match same {
                    Some(same) if same.2.peak < asked.peak => *same = (*key, access, asked),
                    None if asked.units > 0 => hottest.push((*key, access, asked)),
                    _ => {}
                }
            }
        }
        hottest
    }
}
