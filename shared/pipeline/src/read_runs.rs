//! Reads the rows of a chunk with as few ranged reads as its runs allow.

use std::ops::Range;

use bulk_domain::csv::{FileError, RawRow, RowReader, Separator};
use bulk_domain::ids::RowNumber;
use bulk_domain::job::Upload;
use bulk_domain::plan::{Chunk, Run};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

use crate::Error;
use crate::ports::{JobRef, ObjectStore, PortResult};

/// The longest gap between two runs, in bytes, that is read and dropped. A longer one is skipped by
/// a second request, because S3 sends about so many bytes within the 15 ms that a request takes to
/// answer.
const READ_THROUGH: u64 = 1024 * 1024;

/// Calls `on_row` with every row of the chunk, in file order.
pub async fn read_rows<O: ObjectStore>(
    objects: &O,
    job: JobRef,
    upload: &Upload,
    separator: Separator,
    chunk: &Chunk,
    mut on_row: impl FnMut(RowNumber, &RawRow<'_>) + Send,
) -> Result<(), Error> {
    for runs in chunk.runs.chunk_by(|a, b| b.start.saturating_sub(a.end) <= READ_THROUGH) {
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { continue };
        let mut body = objects.read_upload(job, upload, first.start..last.end).await?;
        let mut window = Window { offset: first.start, bytes: Bytes::new() };
        for run in runs {
            read_run(job, &mut body, &mut window, run, separator, &mut on_row).await?;
        }
    }
    Ok(())
}

/// The bytes of the stream that were received and not read yet, and their position in the file.
struct Window {
    offset: u64,
    bytes: Bytes,
}

impl Window {
    /// Returns the received bytes of `range`, and drops the bytes before it. Returns no bytes if
    /// none of the range was received yet.
    fn take(&mut self, range: &Range<u64>) -> Bytes {
        let skip = range.start.saturating_sub(self.offset);
        let skip = self.at_most(skip);
        let _ = self.bytes.split_to(skip);
        self.offset += skip as u64;
        let wanted = self.at_most(range.end.saturating_sub(self.offset));
        let taken = self.bytes.split_to(wanted);
        self.offset += taken.len() as u64;
        taken
    }

    /// Returns `bytes`, or the number of received bytes if that is smaller.
    fn at_most(&self, bytes: u64) -> usize {
        usize::try_from(bytes).map_or(self.bytes.len(), |bytes| bytes.min(self.bytes.len()))
    }
}

async fn read_run<S>(
    job: JobRef,
    body: &mut S,
    window: &mut Window,
    run: &Run,
    separator: Separator,
    on_row: &mut (impl FnMut(RowNumber, &RawRow<'_>) + Send),
) -> Result<(), Error>
where
    S: Stream<Item = PortResult<Bytes>> + Send + Unpin,
{
    let differs = |what| Error::Inconsistent { job: job.job, what };
    let unreadable = |_: FileError| differs("a row of the upload cannot be read");
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
                None => return Err(differs("the upload is shorter than planned")),
            }
            continue;
        }
        position += piece.len() as u64;
        reader.push(&piece);
        drain(&mut reader).map_err(unreadable)?;
    }
    reader.finish();
    drain(&mut reader).map_err(unreadable)?;
    if number.get() == end {
        Ok(())
    } else {
        Err(differs("the upload has other rows than planned"))
    }
}
