//! Reading the rows of a chunk: as few ranged reads as its pieces of the file allow.

use std::ops::Range;

use bytes::Bytes;
use domain::csv::{FileError, RawRow, RowReader, Separator};
use domain::ids::RowNumber;
use domain::job::Upload;
use domain::plan::{Chunk, Run};
use futures::StreamExt as _;

use crate::Error;
use crate::ports::{JobRef, PortError, ReadUpload};

/// Bytes between two pieces that are read and dropped rather than skipped by a second request: about
/// what S3 delivers within the 15 ms that a request takes to answer.
const READ_THROUGH: u64 = 1024 * 1024;

/// Calls `on_row` with every row of the chunk, in file order.
pub async fn read_rows<F: ReadUpload>(
    files: &F,
    job: JobRef,
    upload: &Upload,
    separator: Separator,
    chunk: &Chunk,
    mut on_row: impl FnMut(RowNumber, &RawRow<'_>) + Send,
) -> Result<(), Error> {
    for runs in chunk.runs.chunk_by(|a, b| b.start.saturating_sub(a.end) <= READ_THROUGH) {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { continue };
        let mut body = files.read_upload(job, upload, first.start..last.end).await?;
        let mut window = Window { offset: first.start, bytes: Bytes::new() };
        for run in runs {
            read_run(&mut body, &mut window, run, separator, &mut on_row)
                .await?
                .map_err(|what| Error::Inconsistent { job: job.job, chunk: chunk.number, what })?;
        }
    }
    Ok(())
}

/// The part of the stream that has arrived and is not used up, and where in the file it starts.
struct Window {
    offset: u64,
    bytes: Bytes,
}

impl Window {
    /// Takes what overlaps `range`, dropping what lies before it; empty if nothing of it is here yet.
    fn take(&mut self, range: &Range<u64>) -> Bytes {
        let skip = range.start.saturating_sub(self.offset);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(self.bytes.len());
        let _ = self.bytes.split_to(skip);
        self.offset += skip as u64;
        let wanted = usize::try_from(range.end.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        let taken = self.bytes.split_to(wanted.min(self.bytes.len()));
        self.offset += taken.len() as u64;
        taken
    }
}

async fn read_run<S>(
    body: &mut S,
    window: &mut Window,
    run: &Run,
    separator: Separator,
    on_row: &mut (impl FnMut(RowNumber, &RawRow<'_>) + Send),
) -> Result<Result<(), &'static str>, PortError>
where
    S: futures::Stream<Item = Result<Bytes, PortError>> + Send + Unpin,
{
    let mut reader = RowReader::at(run.start, separator);
    let mut number = run.first;
    let end = run.first.get() + run.rows;
    let mut position = run.start;
    let mut drain = |reader: &mut RowReader| -> Result<(), FileError> {
        while let Some(row) = reader.next_row()? {
            on_row(number, &row);
            number = number.next();
        }
        Ok(())
    };
    while position < run.end {
        let piece = window.take(&(position..run.end));
        if piece.is_empty() {
            match body.next().await {
                Some(bytes) => window.bytes = bytes?,
                None => return Ok(Err("the upload is shorter than planned")),
            }
            continue;
        }
        position += piece.len() as u64;
        reader.push(&piece);
        if drain(&mut reader).is_err() {
            return Ok(Err("a row of the upload cannot be read"));
        }
    }
    reader.finish();
    if drain(&mut reader).is_err() {
        return Ok(Err("a row of the upload cannot be read"));
    }
    Ok(if number.get() == end { Ok(()) } else { Err("the upload has other rows than planned") })
}
