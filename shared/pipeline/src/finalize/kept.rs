//! The file of the patients that an undo keeps, in the format of the failed rows: of each patient
//! the first row that created or updated it, with the patient's id and the reason.

use std::collections::BTreeMap;

use bulk_domain::csv::{RawRow, ResultCells, ResultWriter, RowStatus, Separator};
use bulk_domain::ids::PatientId;
use bulk_domain::job::{AcceptedFile, Job};
use bulk_domain::outcome::{RowEffect, RowOutcome, RowResult};
use bulk_domain::plan::ChunkNumber;
use bulk_domain::undo::{KeptReason, UndoOutcome};
use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::{Batched, RowSink, stream_rows};
use crate::Error;
use crate::ports::prelude::*;
use crate::ports::{FileWriter, PortResult, Ports, ResultFile};

/// Chunks with outcomes that are read at the same time.
const CONCURRENT_READS: usize = 16;

/// Writes the file of the patients that the undo of a job keeps. Returns their number.
///
/// Two chunks can have decided a patient, if a call corrected it between their rows. It counts once
/// here, while the counts of the chunks have it twice.
pub(crate) async fn write_kept_patients<P: Ports>(
    ports: &P,
    job: &Job,
    file: &AcceptedFile,
) -> Result<u32, Error> {
    let objects = ports.objects();
    let chunks: Vec<_> = stream::iter((0..file.chunks).map(ChunkNumber::new))
        .map(|chunk| objects.read_undo(job.into(), chunk))
        .buffer_unordered(CONCURRENT_READS)
        .try_collect()
        .await?;
    let kept: BTreeMap<PatientId, KeptReason> = chunks
        .into_iter()
        .flatten()
        .filter_map(|undone| match undone.outcome {
            UndoOutcome::Kept(reason) => Some((undone.patient, reason)),
            UndoOutcome::Deleted => None,
        })
        .collect();
    let number = kept.keys().map(|_| 1).sum();
    let file_writer = objects.write_results(job.into(), ResultFile::Kept).await?;
    let mut sink = KeptPatients { kept, writer: None, file: Batched::new(file_writer) };
    stream_rows(ports, job, file, &mut sink).await?;
    sink.finish().await?;
    Ok(number)
}

struct KeptPatients<W> {
    /// The patients that are not written yet.
    kept: BTreeMap<PatientId, KeptReason>,
    writer: Option<ResultWriter>,
    file: Batched<W>,
}

impl<W: FileWriter> RowSink for KeptPatients<W> {
    fn header(&mut self, row: &RawRow<'_>, separator: Separator) {
        let writer = self.writer.insert(ResultWriter::new(row, separator));
        writer.header(&mut self.file.bytes);
    }

    async fn row(&mut self, row: &RawRow<'_>, outcome: &RowOutcome) -> PortResult<()> {
        let RowResult::Succeeded { patient: Some(patient), effect } = outcome.result else {
            return Ok(());
        };
        if effect == RowEffect::Unchanged {
            return Ok(());
        }
        if let (Some(reason), Some(writer)) = (self.kept.remove(&patient), &mut self.writer) {
            writer.row(row, cells(patient, reason), &mut self.file.bytes);
        }
        self.file.flush_when_full().await
    }
}

impl<W: FileWriter> KeptPatients<W> {
    /// Adds the patients with rows that count as failed, because their job was canceled after it
    /// had created them.
    async fn finish(mut self) -> Result<(), Error> {
        if let Some(writer) = &self.writer {
            for (patient, reason) in self.kept {
                writer.without_row(cells(patient, reason), &mut self.file.bytes);
            }
        }
        Ok(self.file.finish().await?)
    }
}

const fn cells(patient: PatientId, reason: KeptReason) -> ResultCells<'static> {
    ResultCells {
        patient_id: Some(patient),
        status: RowStatus::Kept,
        reason: Some(reason.as_str()),
    }
}
