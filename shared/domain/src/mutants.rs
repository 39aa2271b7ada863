//! Bugs that a test switches on, one at a time, to see whether the simulation notices them (`make
//! mutants`).
//!
//! A bug stands beside the right code as `has(Bug::…)`, so that the compiler checks it whenever the
//! code around it changes. Without the feature `mutants`, which nothing that is deployed has, `has`
//! is `false` at compile time and the bugs are not in the binary.

use std::sync::atomic::{AtomicUsize, Ordering};

macro_rules! bugs {
    ($($name:ident $seeds:literal: $what:literal,)+) => {
        /// A known bug, which the code can be made to have.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "each says in words what it is")]
        pub enum Bug {
            $($name,)+
        }

        impl Bug {
            /// Every bug, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns what is wrong.
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what),+ }
            }

            /// Returns how many seeds of the simulation it took until one noticed the bug, when
            /// that was measured last.
            pub const fn seeds(self) -> u64 {
                match self { $(Self::$name => $seeds),+ }
            }
        }
    };
}

bugs! {
    ChunkCountedTwice 3: "a chunk is counted as often as it ends",
    ChunkCountedEarly 2: "a chunk is counted before its outcomes are stored",
    LastOutcomesCount 8: "the last plan and the last outcomes of a chunk count, not the first",
    DuplicatesApart 2: "rows of one identity stay where they are in the file",
    DecisionForgotten 7: "a decision about a person is not remembered",
    WarningsForgotten 27: "the warnings of a row are not remembered",
    EffectsForgotten 7: "it is not remembered that a row created or changed its patient",
    DryRunNamesNewPatients 5: "a dry run names patients that it does not create",
    DeletionForgetsDecisions 867: "a deletion forgets what was decided about the person",
    DeletionNotAwaited 1360: "a row is folded although an attempt from before a deletion may still answer for it",
    LaterChangeUndone 39: "an undo deletes a patient that another job has changed",
    CalledPatientUndone 38: "an undo deletes a patient that a call has changed",
    MovedPatientUndecided 38: "an undo says nothing about a patient with a corrected identity",
    KeptCountedTwice 10594: "a kept patient counts for each chunk with rows about it",
    UndoForgetsDeletions 5: "a retry of an undo does not count what an earlier attempt deleted",
    UndoneChunkCountedTwice 25: "a chunk of an undo is counted as often as it ends",
    StalledUndoLost 77: "the sweep does not send pending chunks of an undo again",
    CorrectionForgotten 378: "a correction forgets what was decided about the patient",
    CorrectionNotMoved 4: "a patient with a corrected identity stays where its former identity is looked for",
    DeletedQueryKept 33: "the query of a deleted patient is stored",
    RosterReplaced 13: "an entry of a roster replaces the one of an earlier attempt",
    RefusedInsertIgnored 21: "a new person counts as stored though its part of a batch was refused",
    ExternalIdLate 5: "the entry of an external id is written after its patient",
    OtherPatientsIgnored 1: "no row is warned of another patient with its external id",
    YoungEntriesDeleted 819: "an entry of an external id is deleted before its patient can be stored",
    StaleFirstDeleted 34: "the first entry of an external id is deleted while there are others",
    DiacriticsCompared 1: "names with and without diacritics are not the same",
    PunctuationCompared 2: "names with and without punctuation are not the same",
    ScanComparesPunctuation 1: "rows of one identity whose names differ in punctuation stay where they are in the file",
    CapitalsKept 43: "a name in capitals replaces one that differs in case only",
    LateSpellingLost 3: "an older job that is imported late does not spell the names",
    DayFirstImported 1: "a file with the day before the month is imported",
    MonthFirstOverlooked 5: "a file fails for one date with the day before the month, whatever others show",
    MappingsIgnored 2: "the mappings of a job are ignored",
    MappedHeaderOptional 21: "a mapping to a header cell that the file lacks is ignored",
    OlderJobWins 4: "an older job overwrites a newer one",
    OlderJobsIgnored 3: "a job does not look for older open jobs",
    PatientOverwritten 3: "a person is written without the condition of its version",
    ChunksBeforeProcessing 27: "chunks are sent before the job is processing",
    StalledChunksLost 4: "the sweep does not send pending chunks again",
    LostUploadsLost 1: "the sweep does not look for lost uploads",
    LateUploadDropped 3: "the file of an expired job is dropped",
    StateUnconditional 3: "the state of a job changes without a condition",
    CompletedAfterCancel 1344: "a job completes although its cancel was requested",
    DisturbanceCountsAsAttempt 5: "a transient failure is counted by the queue",
    QueriesNotSentAgain 7: "queries that were not sent are never sent",
    CanceledQueriesNotSentAgain 7320: "the queries of a canceled job are not sent again",
    PartCountedTwice 13: "a part of the queries is counted as often as it ends",
    LeaseIgnored 10: "a lease keeps no other worker off",
    ServedForgotten 10: "a query forgets the requests that it served",
    JoinedForgotten 24: "a request that joined a query is not served by it",
    NewDocumentsDropped 7: "the documents just found are dropped with those of earlier attempts",
    OldDocumentsDroppedEarly 45: "the documents of earlier attempts are dropped before the new ones are found",
    UnchangedQueried 4: "patients that a job did not change are queried",
    CreatedNotQueried 1834: "a patient that another job changed meanwhile is not queried by the job that created it",
    OptedOutAsked 45: "the gateway is asked about opted-out patients",
    AbandonedQueryLeft 480: "an abandoned query is left to the worker that held it",
    NoQueryDeadline 452: "queries have no deadline",
    PatientsNotAudited 1: "patients are written without an event in the audit trail",
    WebhookNotAudited 1: "a webhook is posted without an event in the audit trail",
    ResultWithoutPing 1: "a link to patient data is sent to a URL that has answered no ping",
    VerificationKept 12: "a URL counts as verified because the one before it was",
    WebhookEarly 3: "a webhook is attempted before its time",
    WebhookLeaseIgnored 3: "an attempt at a webhook keeps no copy of its message off",
    WebhookHandedToNone 16: "a webhook is handed on to a message that was not sent",
    WebhookOutOfOrder 4: "the end of a job is told without a look at its start",
    DocumentsOutOfOrder 2: "the completion of a job is told before the documents of its patients",
    DocumentsToldEarly 9: "the documents of a patient are told before the patient's query has ended",
    DocumentsMessageGrows 1817: "a message about documents has more patients in a later attempt",
    DocumentsNotTold 606: "the end of a job does not start the messages about documents if its start has not",
    OptedOutDocumentsKept 4: "the documents of a patient stay when the patient is opted out",
    OptOutNotStored 2: "a call answers an opt-out that it has not stored",
    WithdrawalNotAnnounced 63: "the documents of a patient stay if a call dies after it has opted the patient out",
    WithdrawalByRowsNotAnnounced 136: "the documents of a patient stay if a worker dies after it has opted the patient out and its job is canceled",
    DownloadEndsEarly 9: "a bulk download ends although documents wait for the gateway",
    DownloadNotResumed 11: "a repeated call does not carry on a bulk download that no message carries",
    DownloadEndedSilently 12: "a bulk download ends without links if its worker dies before it sends them",
    CopyLeaseIgnored 3: "a lease on the copy of a document keeps no other worker off",
}

/// The index of the bug that is switched on, counted from 1. 0 means none.
static SWITCHED_ON: AtomicUsize = AtomicUsize::new(0);

/// Switches a bug on, and the previous one off.
#[cfg(feature = "mutants")]
pub fn switch_on(bug: Option<Bug>) {
    SWITCHED_ON.store(bug.map_or(0, |bug| bug as usize + 1), Ordering::Relaxed);
}

/// Returns whether the code has this bug now.
#[inline]
pub fn has(bug: Bug) -> bool {
    cfg!(feature = "mutants") && SWITCHED_ON.load(Ordering::Relaxed) == bug as usize + 1
}
