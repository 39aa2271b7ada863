//! The bulk download of a patient's documents: all contents are copied, and then the customer is
//! sent a link to each.
//!
//! A patient has one bulk download at a time. What it has done so far is what the records of the
//! copies say, so that a worker that takes over after a crash goes on where the last one stopped. A
//! document that cannot be copied does not keep the others from being sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::copy::{CopyFailure, CopyState};
use super::{DocumentKey, DocumentRecord, Metadata};
use crate::ids::{CustomerId, DownloadId, PatientId};
use crate::time::Timestamp;

/// How long a bulk download may take from its first run on. Two hours are enough for 960 documents
/// of 30 seconds each, four at a time. Then the links are sent that are there.
pub const DEADLINE: Duration = Duration::from_hours(2);

/// How long after the first run a document is tried again that the gateway could not send. One
/// document that the gateway never sends would otherwise hold up the links to all others until the
/// deadline.
const RETRIED_FOR: Duration = Duration::from_mins(15);

/// How long a run takes at most: the timeout of its function.
const LONGEST_RUN: Duration = Duration::from_mins(4);

/// The shortest and the longest pause of a bulk download that waits for the gateway.
const PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(2));

/// The most documents in a message with links, as many as the patients in a message about an
/// import.
const MOST_DOCUMENTS: usize = 100;

/// Bytes of JSON at which a message with links ends. Receivers often take bodies of up to 1 MB
/// only. A document that is described at greater length has a message of its own.
const MOST_BYTES: usize = 512 * 1024;

/// Bytes of a link, which are not known before it is signed: 2,000 with the token of a role.
const LINK_BYTES: usize = 2_500;

/// A bulk download of a patient's documents.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BulkDownload {
    /// The id of the bulk download.
    pub id: DownloadId,
    /// The customer of the patient.
    pub customer: CustomerId,
    /// The patient that the documents are about.
    pub patient: PatientId,
    /// When a caller asked for it.
    pub started_at: Timestamp,
    /// When the first run of a worker began. Its message may have waited for those of other
    /// patients before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_at: Option<Timestamp>,
    /// When the last run began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_run_at: Option<Timestamp>,
    /// What the caller wants to be sent along with the links.
    #[serde(default)]
    pub metadata: Metadata,
    /// How many documents were copied. None until the bulk download has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<DownloadTally>,
    /// Where the messages with the links begin, after the first one. The range of a message stays
    /// the same for as long as its id does, because a receiver that has seen the id takes a
    /// repetition for the same message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later_messages: Vec<DocumentKey>,
}

/// How many documents of a bulk download were copied.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct DownloadTally {
    /// The documents of the patient.
    pub total: u32,
    /// The documents that were copied.
    pub successful: u32,
}

impl DownloadTally {
    /// Returns the number of documents that could not be copied.
    pub const fn errors(self) -> u32 {
        self.total.saturating_sub(self.successful)
    }

    /// Returns whether there is a link to send, or nothing that a link could be sent for.
    pub const fn is_success(self) -> bool {
        self.successful > 0 || self.total == 0
    }
}

/// What is left to do for a document of a bulk download.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DocumentStep {
    /// Nothing: the copy was stored after the bulk download had started.
    Copied,
    /// The copy was stored before, and has to be looked for, because its retention may have ended.
    LookForCopy,
    /// The content has to be fetched.
    Fetch,
    /// Another worker fetches the content, or the gateway is to be left alone.
    Wait,
    /// Nothing: the content could not be fetched.
    Failed,
}

impl BulkDownload {
    /// Returns a bulk download that starts now.
    pub fn new(
        id: DownloadId,
        (customer, patient): (CustomerId, PatientId),
        metadata: Metadata,
        now: Timestamp,
    ) -> Self {
        let later_messages = Vec::new();
        Self {
            id,
            customer,
            patient,
            started_at: now,
            began_at: None,
            last_run_at: None,
            metadata,
            tally: None,
            later_messages,
        }
    }

    /// Returns the bulk download with a run that begins now.
    #[must_use]
    pub fn running(self, now: Timestamp) -> Self {
        Self { began_at: Some(self.began_at.unwrap_or(now)), last_run_at: Some(now), ..self }
    }

    /// Returns whether a message carries it on, as far as the record tells: a run began a short
    /// time ago. The message of one that has not begun may have been lost with the call that was
    /// about to send it.
    pub fn is_carried(&self, now: Timestamp) -> bool {
        self.last_run_at.is_some_and(|run| now < run.plus(LONGEST_RUN + PAUSES.1))
    }

    fn began(&self, now: Timestamp) -> Timestamp {
        self.began_at.unwrap_or(now)
    }

    /// Returns what is left to do for a document with this record of its copy.
    pub fn step(&self, copy: Option<CopyState>, now: Timestamp) -> DocumentStep {
        let step = match copy {
            Some(CopyState::Stored(when)) if when >= self.started_at => DocumentStep::Copied,
            Some(CopyState::Stored(_)) => DocumentStep::LookForCopy,
            Some(CopyState::Leased(lease)) if now < lease.until => DocumentStep::Wait,
            Some(CopyState::Failed(failure, until)) if until > self.started_at => {
                let is_retried =
                    failure == CopyFailure::Unavailable && now < self.began(now).plus(RETRIED_FOR);
                match (is_retried, now < until) {
                    (false, _) => DocumentStep::Failed,
                    (true, true) => DocumentStep::Wait,
                    (true, false) => DocumentStep::Fetch,
                }
            }
            None | Some(CopyState::Leased(_) | CopyState::Failed(..)) => DocumentStep::Fetch,
        };
        match step {
            DocumentStep::Fetch | DocumentStep::Wait if self.is_over(now) => DocumentStep::Failed,
            step => step,
        }
    }

    /// Returns whether the deadline has passed.
    fn is_over(&self, now: Timestamp) -> bool {
        now >= self.began(now).plus(DEADLINE)
    }

    /// Returns the pause before the next look at documents that wait for the gateway. It grows with
    /// the time that the bulk download has taken, so that a gateway that is away is asked about 20
    /// times.
    pub fn pause(&self, now: Timestamp) -> Duration {
        (self.began(now).until(now) / 4).clamp(PAUSES.0, PAUSES.1)
    }

    /// Returns the bulk download after its end. `total` is the number of the patient's documents,
    /// and `copied` are those of which there is a copy.
    #[must_use]
    pub fn ended(self, total: u32, copied: &[&DocumentRecord]) -> Self {
        let mut sizes: Vec<(DocumentKey, usize)> = copied
            .iter()
            .map(|record| (DocumentKey::of(&record.document.id), LINK_BYTES + json_bytes(record)))
            .collect();
        sizes.sort_unstable();
        let (mut documents, mut bytes, mut later_messages) = (0, 0, Vec::new());
        for (key, more) in sizes {
            if documents > 0 && (documents == MOST_DOCUMENTS || bytes + more > MOST_BYTES) {
                later_messages.push(key);
                (documents, bytes) = (0, 0);
            }
            documents += 1;
            bytes += more;
        }
        let successful = copied.iter().map(|_| 1).sum();
        Self { tally: Some(DownloadTally { total, successful }), later_messages, ..self }
    }

    /// Returns the number of messages with links: one if there are no documents.
    pub fn messages(&self) -> u32 {
        self.later_messages.iter().map(|_| 1).sum::<u32>() + 1
    }

    /// Returns whether the message with this number, counted from 0, has a link to the document.
    pub fn is_in(&self, message: u32, document: DocumentKey) -> bool {
        self.later_messages.partition_point(|first| *first <= document) == message as usize
    }
}

fn json_bytes(record: &DocumentRecord) -> usize {
    // A document is made of texts and numbers, so that it always is JSON.
    serde_json::to_vec(record).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::query::QueryAttemptId;

    fn started_at() -> Timestamp {
        Timestamp::from_millis(1_800_000_000_000)
    }

    fn at(seconds: u64) -> Timestamp {
        started_at().plus(Duration::from_secs(seconds))
    }

    fn download() -> BulkDownload {
        let patient = (CustomerId::new(Uuid::from_u128(1)), PatientId::new(Uuid::from_u128(2)));
        let id = DownloadId::new(Uuid::from_u128(3));
        BulkDownload::new(id, patient, Metadata::default(), started_at()).running(started_at())
    }

    #[test]
    fn time_counts_from_the_first_run() {
        let waiting = BulkDownload { began_at: None, last_run_at: None, ..download() };
        let late = at(DEADLINE.as_secs());
        assert_eq!(waiting.step(None, late), DocumentStep::Fetch);
        assert_eq!(waiting.pause(late), PAUSES.0);
        let run_again = waiting.running(late).running(late.plus(DEADLINE));
        assert_eq!(run_again.step(None, late.plus(DEADLINE)), DocumentStep::Failed);
    }

    #[test]
    fn a_message_carries_a_download_on_while_its_runs_follow_each_other() {
        let waiting = BulkDownload { began_at: None, last_run_at: None, ..download() };
        assert!(!waiting.is_carried(at(0)));
        assert!(download().is_carried(at(359)));
        assert!(!download().is_carried(at(360)));
    }

    fn step(copy: CopyState, seconds: u64) -> DocumentStep {
        download().step(Some(copy), at(seconds))
    }

    fn earlier(seconds: u64) -> Timestamp {
        Timestamp::from_millis(started_at().as_millis() - i64::try_from(seconds * 1000).unwrap())
    }

    #[test]
    fn an_older_copy_is_looked_for_and_a_newer_one_is_there() {
        assert_eq!(download().step(None, at(0)), DocumentStep::Fetch);
        assert_eq!(step(CopyState::Stored(earlier(1)), 0), DocumentStep::LookForCopy);
        assert_eq!(step(CopyState::Stored(started_at()), 0), DocumentStep::Copied);
    }

    #[test]
    fn a_document_that_a_worker_fetches_is_waited_for_until_the_lease_ends() {
        let leased = CopyState::leased(QueryAttemptId::new(Uuid::nil()), at(0));
        assert_eq!(step(leased, 299), DocumentStep::Wait);
        assert_eq!(step(leased, 300), DocumentStep::Fetch);
    }

    #[test]
    fn what_a_retry_may_mend_is_retried_for_a_quarter_of_an_hour() {
        let failed = |failure, seconds| CopyState::failed(failure, None, at(seconds));
        let unavailable = CopyFailure::Unavailable;
        assert_eq!(step(failed(unavailable, 10), 14), DocumentStep::Wait);
        assert_eq!(step(failed(unavailable, 10), 15), DocumentStep::Fetch);
        assert_eq!(step(failed(unavailable, 899), 900), DocumentStep::Failed);
        for failure in [CopyFailure::Gone, CopyFailure::TooLarge, CopyFailure::NotTheDocument] {
            assert_eq!(step(failed(failure, 10), 300), DocumentStep::Failed);
        }
    }

    #[test]
    fn a_failure_of_a_former_download_does_not_count() {
        let failed = CopyState::failed(CopyFailure::Gone, None, earlier(60));
        assert_eq!(step(failed, 0), DocumentStep::Fetch);
    }

    #[test]
    fn after_the_deadline_no_document_is_fetched_or_waited_for() {
        let late = DEADLINE.as_secs();
        assert_eq!(download().step(None, at(late - 1)), DocumentStep::Fetch);
        assert_eq!(download().step(None, at(late)), DocumentStep::Failed);
        let leased = CopyState::leased(QueryAttemptId::new(Uuid::nil()), at(late));
        assert_eq!(step(leased, late), DocumentStep::Failed);
        assert_eq!(step(CopyState::Stored(earlier(1)), late), DocumentStep::LookForCopy);
    }

    #[test]
    fn pauses_grow_with_the_time_that_the_download_takes() {
        for (seconds, pause) in [(0, 5), (60, 15), (900, 120)] {
            assert_eq!(download().pause(at(seconds)), Duration::from_secs(pause));
        }
    }

    #[test]
    fn a_download_succeeds_with_one_copy_or_without_documents() {
        for (total, successful, is_success) in [(0, 0, true), (3, 1, true), (3, 0, false)] {
            let tally = DownloadTally { total, successful };
            assert_eq!((tally.is_success(), tally.errors()), (is_success, total - successful));
        }
    }

    fn record(number: usize, description: usize) -> DocumentRecord {
        serde_json::from_value(serde_json::json!({
            "id": format!("d{number}"), "fileName": "a", "description": "x".repeat(description),
        }))
        .unwrap()
    }

    /// Returns how many documents each message has.
    fn messages(records: &[DocumentRecord]) -> Vec<usize> {
        let copied: Vec<&DocumentRecord> = records.iter().collect();
        let ended = download().ended(u32::try_from(records.len()).unwrap(), &copied);
        let keys: Vec<DocumentKey> =
            copied.iter().map(|record| DocumentKey::of(&record.document.id)).collect();
        let count = |message| keys.iter().filter(|key| ended.is_in(message, **key)).count();
        let counts: Vec<usize> = (0..ended.messages()).map(count).collect();
        assert_eq!(counts.iter().sum::<usize>(), records.len(), "each is in one message");
        counts
    }

    #[test]
    fn links_are_divided_into_messages_by_their_number_and_by_bytes() {
        let records = |count, bytes| -> Vec<DocumentRecord> {
            (0..count).map(|number| record(number, bytes)).collect()
        };
        assert_eq!(messages(&[]), [0]);
        assert_eq!(messages(&records(100, 10)), [100]);
        assert_eq!(messages(&records(250, 10)), [100, 100, 50]);
        assert_eq!(messages(&records(5, 200 * 1024)), [2, 2, 1]);
        assert_eq!(messages(&records(3, 600 * 1024)), [1, 1, 1]);
    }
}
