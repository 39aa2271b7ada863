//! The keys of objects. They hold ids only, so that no key tells anything about a patient:
//! `uploads/{customer}/{job}.csv`, `plans/{customer}/{job}/{version}.jsonl`,
//! `outcomes/{customer}/{job}/{chunk}.json`, `outcomes/{customer}/{job}/{chunk}.undo.json`,
//! `results/{customer}/{job}/{result,failures,kept}.csv`,
//! `documents/{customer}/{patient}/{document}`.

use bulk_domain::job::Upload;
use bulk_domain::plan::ChunkNumber;
use bulk_pipeline::ports::{CopyRef, JobRef, ResultFile};

pub(super) fn upload_key(JobRef { customer, job }: JobRef) -> String {
    format!("uploads/{customer}/{job}.csv")
}

/// Returns a key with the version, so that a later upload cannot replace the plan that is being
/// imported.
pub(super) fn plan_key(JobRef { customer, job }: JobRef, upload: &Upload) -> String {
    format!("plans/{customer}/{job}/{}.jsonl", upload.version)
}

pub(super) fn outcomes_key(JobRef { customer, job }: JobRef, chunk: ChunkNumber) -> String {
    format!("outcomes/{customer}/{job}/{chunk}.json")
}

pub(super) fn undo_key(JobRef { customer, job }: JobRef, chunk: ChunkNumber) -> String {
    format!("outcomes/{customer}/{job}/{chunk}.undo.json")
}

pub(super) fn result_key(JobRef { customer, job }: JobRef, file: ResultFile) -> String {
    format!("results/{customer}/{job}/{}.csv", name_of(file))
}

pub(super) fn copy_key(CopyRef { customer, document }: CopyRef) -> String {
    format!("documents/{customer}/{}/{}", document.patient, document.document)
}

pub(super) fn name_of(file: ResultFile) -> &'static str {
    match file {
        ResultFile::Result => "result",
        ResultFile::Failures => "failures",
        ResultFile::Kept => "kept",
    }
}
